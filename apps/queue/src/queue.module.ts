import { Module } from '@nestjs/common';
import { QueuesModule } from '@syncline/queues';
import { MessageByIdController } from './message-by-id.controller.js';
import { MessagesController } from './messages.controller.js';
import { QueuesController } from './queues.controller.js';
import { SchedulesController } from './schedules.controller.js';
import { SearchController } from './search.controller.js';
import { SqsModule } from './sqs/sqs.module.js';

/** The routes of a queue node. */
@Module({
  imports: [QueuesModule, SqsModule],
  controllers: [
    QueuesController,
    MessagesController,
    MessageByIdController,
    SearchController,
    SchedulesController,
  ],
})
export class QueueModule {}
