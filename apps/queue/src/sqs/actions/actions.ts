import { Injectable } from '@nestjs/common';
import { ERRORS, SqsError } from '../sqs-error.js';
import type { SqsAction } from './action.js';
import { MessageActions } from './message.actions.js';
import { MoveActions } from './move.actions.js';
import { PermissionActions } from './permission.actions.js';
import { QueueActions } from './queue.actions.js';
import { TagActions } from './tag.actions.js';

/** Those that the URL of a queue is not asked for. */
const OF_SERVICE: ReadonlySet<string> = new Set(['CreateQueue', 'ListQueues']);

/** All actions of SQS, by name. */
@Injectable()
export class Actions {
  private readonly byName: ReadonlyMap<string, SqsAction>;

  constructor(
    queues: QueueActions,
    messages: MessageActions,
    tags: TagActions,
    permissions: PermissionActions,
    moves: MoveActions,
  ) {
    const groups = [queues, messages, tags, permissions, moves];
    this.byName = new Map(groups.flatMap(({ actions }) => Object.entries(actions)));
  }

  /**
   * @param ofService the service is asked, and not a queue
   * @throws SqsError for a name that is of no action there
   */
  get(name: string, ofService: boolean): SqsAction {
    const action = this.byName.get(name);
    if (action === undefined || (!ofService && OF_SERVICE.has(name))) {
      throw new SqsError(ERRORS.invalidAction, `The action ${name} is not valid for this endpoint.`);
    }
    return action;
  }
}
