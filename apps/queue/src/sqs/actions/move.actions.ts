import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { realmIn } from '@syncline/contracts';
import { DeadLettersService, QueuesService } from '@syncline/queues';
import { ClientLink, Drain } from '@syncline/runtime';
import { LabelsOfQueues } from '../attributes/labels.js';
import { isSourceOf } from '../attributes/shown-attributes.js';
import { arnOf, nameInArn } from '../queue-address.js';
import { ERRORS, fromProblem, invalidValue, SqsError } from '../sqs-error.js';
import type { Members } from '../wire/wire.js';
import { type ActionCall, type SqsActions } from './action.js';
import { asItStands, type MoveTask } from './move-task.js';

const STEP = 100;
const MOST_KEPT = 10;
const MOST_LISTED = 1_000;
const RATE = { min: 1, max: 500, reason: 'Must be between 1 and 500, if provided.' };
const RESULTS = { min: 1, max: MOST_KEPT, reason: 'Must be between 1 and 10, if provided.' };

/** Tasks that move dead letters. The node that was asked works on them; all nodes know of them. */
@Injectable()
export class MoveActions {
  readonly actions: SqsActions = {
    StartMessageMoveTask: { deed: 'consume', names: 'otherwise', run: (call) => this.start(call) },
    ListMessageMoveTasks: { deed: 'read', names: 'otherwise', run: (call) => this.list(call) },
    CancelMessageMoveTask: { deed: 'consume', names: 'otherwise', run: (call) => this.cancel(call) },
  };

  constructor(
    private readonly queues: QueuesService,
    private readonly deadLetters: DeadLettersService,
    private readonly labels: LabelsOfQueues,
    private readonly drain: Drain,
  ) {}

  private async start({ fields, caller, region }: ActionCall): Promise<Members> {
    const queue = await this.queueOf('SourceArn', fields.text('SourceArn'), caller.realm);
    const destination = fields.optionalText('DestinationArn');
    const maxPerSecond = fields.integer('MaxNumberOfMessagesPerSecond', RATE);
    caller.require('consume', [queue]);
    let to: string | undefined;
    if (destination === undefined)
      caller.requireForAll('produce', 'Name the queue that the messages go to, as DestinationArn.');
    else {
      to = await this.queueOf('DestinationArn', destination, caller.realm);
      caller.require('produce', [to]);
      if (to === queue) throw wrong('Source queue arn and destination queue arn cannot be the same.');
    }
    if (!(await this.hasSource(queue)))
      throw wrong('Source queue must be configured as a Dead Letter Queue.');
    const { stats } = await this.queues.get(queue);
    const now = Date.now();
    const task: MoveTask = {
      handle: Buffer.from(JSON.stringify({ taskId: randomUUID(), sourceArn: arnOf(queue, region) })).toString(
        'base64',
      ),
      ...(to !== undefined && { to }),
      ...(maxPerSecond !== undefined && { maxPerSecond }),
      startedAt: now,
      workedAt: now,
      status: 'RUNNING',
      moved: 0,
      toMove: stats.ready,
    };
    await this.labels.change(queue, (labels) => {
      const moves = labels.moves.map((other) => asItStands(other, now));
      if (moves.some(({ status }) => status === 'RUNNING' || status === 'CANCELLING')) {
        throw wrong(
          'There is already a task running. Only one active task is allowed for a source queue arn at a given time.',
        );
      }
      return { ...labels, moves: [task, ...moves].slice(0, MOST_KEPT) };
    });
    void this.work(queue, task);
    return { TaskHandle: task.handle };
  }

  private async list({ fields, caller, region }: ActionCall): Promise<Members> {
    const queue = await this.queueOf('SourceArn', fields.text('SourceArn'), caller.realm);
    caller.require('read', [queue]);
    const { moves } = await this.labels.of(queue);
    const shown = moves.slice(0, fields.integer('MaxResults', RESULTS) ?? 1);
    return {
      Results: shown.map((move) => {
        const { handle, to, maxPerSecond, startedAt, status, moved, toMove, failure } = asItStands(
          move,
          Date.now(),
        );
        return {
          ...(status === 'RUNNING' && { TaskHandle: handle }),
          Status: status,
          SourceArn: arnOf(queue, region),
          ...(to !== undefined && { DestinationArn: arnOf(to, region) }),
          ...(maxPerSecond !== undefined && { MaxNumberOfMessagesPerSecond: maxPerSecond }),
          ApproximateNumberOfMessagesMoved: moved,
          ApproximateNumberOfMessagesToMove: toMove,
          ...(failure !== undefined && { FailureReason: failure }),
          StartedTimestamp: startedAt,
        };
      }),
    };
  }

  private async cancel({ fields, caller }: ActionCall): Promise<Members> {
    const handle = fields.text('TaskHandle');
    const queue = await this.queueOf('SourceArn', sourceIn(handle), caller.realm);
    caller.require('consume', [queue]);
    const { moves } = await this.change(queue, handle, (task) => {
      if (asItStands(task, Date.now()).status !== 'RUNNING') {
        throw new SqsError(ERRORS.unsupportedOperation, 'Only active tasks can be cancelled.');
      }
      return { ...task, status: 'CANCELLING' };
    });
    const task = moves.find((one) => one.handle === handle);
    return { ApproximateNumberOfMessagesMoved: task?.moved ?? 0 };
  }

  /** Never rejects: how it ends is kept with the task. */
  private async work(queue: string, { handle, to, maxPerSecond, toMove }: MoveTask): Promise<void> {
    const step = Math.min(STEP, maxPerSecond ?? STEP);
    try {
      for (let moved = 0; ; ) {
        const max = Math.min(step, toMove - moved);
        const done =
          max > 0 ? (await this.deadLetters.redrive(queue, { max, to }, new ClientLink())).moved : 0;
        moved += done;
        const isLast = done === 0 || moved >= toMove;
        const { moves } = await this.change(queue, handle, (task) => ({
          ...task,
          moved,
          workedAt: Date.now(),
          status: task.status === 'CANCELLING' ? 'CANCELLED' : isLast ? 'COMPLETED' : 'RUNNING',
        }));
        if (moves.find((task) => task.handle === handle)?.status !== 'RUNNING') return;
        if (this.drain.draining) throw new SqsError(ERRORS.serviceUnavailable, 'The node stops.');
        if (maxPerSecond !== undefined) await sleep((1_000 * step) / maxPerSecond);
      }
    } catch (error) {
      const failure = fromProblem(error)?.kind.code ?? ERRORS.internalError.code;
      await this.change(queue, handle, (task) => ({ ...task, status: 'FAILED', failure })).catch(() => {
        // Redis is away, or the queue is gone: the task counts as abandoned soon.
      });
    }
  }

  private change(queue: string, handle: string, change: (task: MoveTask) => MoveTask) {
    return this.labels.change(queue, (labels) => {
      if (!labels.moves.some((task) => task.handle === handle)) throw noSuchTask();
      return { ...labels, moves: labels.moves.map((task) => (task.handle === handle ? change(task) : task)) };
    });
  }

  /** Whether there is a queue whose dead letters come here. */
  private async hasSource(queue: string): Promise<boolean> {
    for (let cursor: string | null = null; ; ) {
      const page = await this.queues.list(realmIn(queue), cursor, MOST_LISTED);
      if (page.queues.some((one) => isSourceOf(queue, one))) return true;
      if (page.cursor === null) return false;
      cursor = page.cursor;
    }
  }

  /** The queue of an ARN, which there must be. */
  private async queueOf(parameter: string, arn: string, realm: string): Promise<string> {
    const queue = nameInArn(arn, realm);
    if (queue === undefined) throw invalidValue(parameter, arn, 'It is not the ARN of a queue.');
    try {
      await this.labels.of(queue);
    } catch (error) {
      if (fromProblem(error)?.kind !== ERRORS.queueDoesNotExist) throw error;
      throw new SqsError(
        ERRORS.resourceNotFound,
        `The resource that you specified for the ${parameter} parameter doesn't exist.`,
      );
    }
    return queue;
  }
}

function sourceIn(handle: string): string {
  try {
    const { sourceArn } = Object(JSON.parse(Buffer.from(handle, 'base64').toString())) as {
      sourceArn?: unknown;
    };
    if (typeof sourceArn === 'string') return sourceArn;
  } catch {
    // Not a handle: below.
  }
  throw wrong('Value for parameter TaskHandle is invalid.');
}

const wrong = (message: string) => new SqsError(ERRORS.invalidParameterValue, message);
const noSuchTask = () => new SqsError(ERRORS.resourceNotFound, 'Task does not exist.');
