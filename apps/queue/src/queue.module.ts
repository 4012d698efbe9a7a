import { Module } from '@nestjs/common';
import { QueuesModule } from '@syncline/queues';
import { MessagesController } from './messages.controller.js';
import { QueuesController } from './queues.controller.js';

/** The routes of a queue node. */
@Module({ imports: [QueuesModule], controllers: [QueuesController, MessagesController] })
export class QueueModule {}
