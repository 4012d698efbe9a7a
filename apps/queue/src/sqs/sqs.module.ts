import { Module, type NestModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { QueuesModule } from '@syncline/queues';
import { Actions } from './actions/actions.js';
import { MessageActions } from './actions/message.actions.js';
import { MoveActions } from './actions/move.actions.js';
import { PermissionActions } from './actions/permission.actions.js';
import { QueueActions } from './actions/queue.actions.js';
import { TagActions } from './actions/tag.actions.js';
import { LabelsOfQueues } from './attributes/labels.js';
import { QueueUrls, toOwnAccount } from './queue-address.js';
import { Signers } from './signature/signers.js';
import { SqsController } from './sqs.controller.js';

/** The wire protocols of Amazon SQS over the queue engine: a mapping, without state of its own. */
@Module({
  imports: [QueuesModule],
  controllers: [SqsController],
  providers: [
    Actions,
    QueueActions,
    MessageActions,
    TagActions,
    PermissionActions,
    MoveActions,
    LabelsOfQueues,
    QueueUrls,
    Signers,
  ],
})
export class SqsModule implements NestModule {
  constructor(private readonly host: HttpAdapterHost) {}

  /** Before the routes, which know one account. */
  configure(): void {
    this.host.httpAdapter.use(toOwnAccount);
  }
}
