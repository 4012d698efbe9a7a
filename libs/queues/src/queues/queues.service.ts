import { Injectable } from '@nestjs/common';
import {
  completeConfiguration,
  defaultConfiguration,
  type Purged,
  type PutQueue,
  type Queue,
  type QueueConfiguration,
  type Queues,
} from '@syncline/contracts';
import { type DisconnectSignal, Tenants } from '@syncline/runtime';
import { QueueStore } from '../redis/queue.store.js';
import { ScheduleStore } from '../redis/schedule.store.js';
import { DueTimers } from '../timers/due-timers.js';
import { existing } from './queue.errors.js';
import { UnmadeQueues } from './unmade-queues.js';

/** Queues as such: made, configured, looked at, removed. */
@Injectable()
export class QueuesService {
  constructor(
    private readonly store: QueueStore,
    private readonly timers: DueTimers,
    private readonly schedules: ScheduleStore,
    private readonly tenants: Tenants,
    private readonly unmade: UnmadeQueues,
  ) {}

  /**
   * Makes the queue, or replaces its whole configuration.
   *
   * @throws OwnDeadLetterQueue
   * @throws StoreUnavailable when Redis cannot give the durability
   * @throws Problem `rate-limited` when its tenant has as many queues as it may
   */
  async put(queue: string, given: PutQueue): Promise<Queue> {
    const configuration = completeConfiguration(queue, given);
    // Not a level that this Redis cannot give.
    await this.store.confirm(queue, configuration.durability);
    const tenant = this.tenants.of(queue);
    await this.judgeDeadLetters(queue, configuration);
    let done = false;
    while (!done) {
      // In a Redis that is full a queue can still be changed, so that is tried first.
      done = (await this.timers.follow(queue, this.store.change(queue, configuration))).done;
      done ||= (await this.timers.follow(queue, this.store.make(queue, configuration, { tenant }))).done;
    }
    return this.get(queue);
  }

  /**
   * Makes the queue, unless it exists: then it stays as it is.
   *
   * @param labels a text that is kept with the queue, and gone with it; the engine does not read it
   * @returns whether it was made
   * @throws OwnDeadLetterQueue
   * @throws Problem `rate-limited` when its tenant has as many queues as it may
   */
  async make(queue: string, given: PutQueue, labels: string): Promise<boolean> {
    const configuration = completeConfiguration(queue, given);
    const tenant = this.tenants.of(queue);
    await this.judgeDeadLetters(queue, configuration);
    return (await this.timers.follow(queue, this.store.make(queue, configuration, { labels, tenant }))).done;
  }

  /** The labels of the queue; empty when it has none. @throws QueueNotFound */
  async labels(queue: string): Promise<string> {
    return existing(queue, await this.store.describe(queue)).labels;
  }

  /**
   * Replaces the labels.
   *
   * @param from what they were
   * @returns false when they are others by now, and stay
   * @throws QueueNotFound
   */
  async label(queue: string, from: string, to: string): Promise<boolean> {
    return existing(queue, await this.store.hold(queue, this.store.label(queue, from, to))).done;
  }

  /** @throws QueueNotFound */
  async get(queue: string): Promise<Queue> {
    return existing(queue, await this.find(queue));
  }

  /**
   * Whether a queue is there; waits until it is.
   *
   * @throws StoreUnavailable, ShuttingDown, ClientDisconnected
   */
  isMade(queue: string, waitMs: number, disconnect: DisconnectSignal): Promise<boolean> {
    return this.unmade.wait(queue, waitMs, disconnect);
  }

  async list(prefix: string, cursor: string | null, limit: number): Promise<Queues> {
    const names = await this.store.names.page(prefix, cursor, limit);
    const found = await Promise.all(names.map((name) => this.find(name)));
    return {
      queues: found.filter((queue) => queue !== null),
      cursor: names.length < limit ? null : (names.at(-1) ?? null),
    };
  }

  /**
   * Removes the queue with its schedules; what is large of it goes in the background.
   *
   * @throws QueueNotFound
   */
  async remove(queue: string): Promise<void> {
    const removed = existing(queue, await this.store.hold(queue, this.store.remove(queue)));
    await Promise.all(
      removed.schedules.map(({ name, id }) => this.schedules.rename(name, { name, queue, id }, null)),
    );
    await this.timers.work(queue);
  }

  /**
   * Stops deliveries, or lets them go on.
   *
   * @throws QueueNotFound
   */
  async pause(queue: string, paused: boolean): Promise<Queue> {
    existing(queue, await this.store.hold(queue, this.store.pause(queue, paused)));
    return this.get(queue);
  }

  /** @throws QueueNotFound */
  async purge(queue: string): Promise<Purged> {
    const { purged } = existing(queue, await this.timers.follow(queue, this.store.purge(queue)));
    return { purged };
  }

  /** A dead-letter queue is made when it is needed, whatever the quota of queues: one of another name than usual is judged now. */
  private async judgeDeadLetters(queue: string, { deadLetterQueue }: QueueConfiguration): Promise<void> {
    const tenant = this.tenants.of(queue);
    if (tenant === undefined || deadLetterQueue === defaultConfiguration(queue).deadLetterQueue) return;
    await this.store.requireRoomFor(deadLetterQueue, tenant);
  }

  private async find(name: string): Promise<Queue | null> {
    const found = await this.store.describe(name);
    return found && { name, ...found.configuration, paused: found.paused, stats: found.stats };
  }
}
