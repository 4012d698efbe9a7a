import { Module } from '@nestjs/common';
import { LiveController, Overview } from '@syncline/http';
import { QueuesModule } from '@syncline/queues';
import { MessageByIdController } from './message-by-id.controller.js';
import { MessagesController } from './messages.controller.js';
import { QueueOverview } from './queue.overview.js';
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
    LiveController,
  ],
  providers: [{ provide: Overview, useClass: QueueOverview }],
})
export class QueueModule {}
