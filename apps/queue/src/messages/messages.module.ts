import { Module } from '@nestjs/common';
import { DueTimers } from './due-timers.js';
import { HintsController } from './hints.controller.js';
import { Line } from './line.js';
import { MessagesController } from './messages.controller.js';
import { MessagesService } from './messages.service.js';
import { Outbox } from './outbox.js';
import { QueueStore } from './queue.store.js';
import { QueuesController } from './queues.controller.js';
import { QueuesService } from './queues.service.js';
import { Receipts } from './receipts.js';

@Module({
  controllers: [QueuesController, MessagesController, HintsController],
  providers: [QueueStore, QueuesService, MessagesService, Receipts, Line, DueTimers, Outbox],
})
export class MessagesModule {}
