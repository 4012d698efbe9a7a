import { Module } from '@nestjs/common';
import { QueuesModule } from '@syncline/queues';
import { MessageByIdController } from './message-by-id.controller.js';
import { MessagesController } from './messages.controller.js';
import { QueuesController } from './queues.controller.js';

/** The routes of a queue node. */
@Module({
  imports: [QueuesModule],
  controllers: [QueuesController, MessagesController, MessageByIdController],
})
export class QueueModule {}
