import { Module } from '@nestjs/common';
import { Outbox } from './dead-letters/outbox.js';
import { HintsListener } from './delivery/hints.listener.js';
import { Line } from './delivery/line.js';
import { MessagesService } from './messages/messages.service.js';
import { Receipts } from './messages/receipts.js';
import { QueuesService } from './queues/queues.service.js';
import { QueueStore } from './redis/queue.store.js';
import { DueTimers } from './timers/due-timers.js';

/** The queue engine. Needs `RedisModule`, `RuntimeModule` and `ClusterModule`. */
@Module({
  controllers: [HintsListener],
  providers: [QueueStore, QueuesService, MessagesService, Receipts, Line, DueTimers, Outbox],
  exports: [QueuesService, MessagesService],
})
export class QueuesModule {}
