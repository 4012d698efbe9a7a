import { Injectable } from '@nestjs/common';
import type {
  Browsed,
  BrowseQuery,
  Purged,
  PutQueue,
  Queue,
  QueueConfiguration,
  Queues,
  Redrive,
  Redriven,
} from '@syncline/contracts';
import { type DisconnectSignal, Drain } from '@syncline/runtime';
import { Outbox } from '../dead-letters/outbox.js';
import { toBrowsed } from '../messages/delivered.js';
import { QueueStore } from '../redis/queue.store.js';
import { DueTimers } from '../timers/due-timers.js';
import { completeConfiguration } from './configuration.js';
import { OwnDeadLetterQueue, QueueNotFound, RedriveToItself } from './queue.errors.js';

const REDRIVE_STEP = 100;

/** Queues as such: made, configured, looked at. */
@Injectable()
export class QueuesService {
  constructor(
    private readonly store: QueueStore,
    private readonly timers: DueTimers,
    private readonly outbox: Outbox,
    private readonly drain: Drain,
  ) {}

  /** Makes the queue, or replaces its whole configuration. */
  async put(queue: string, given: PutQueue): Promise<Queue> {
    const configuration = completeConfiguration(queue, given);
    if (configuration.deadLetterQueue === queue) throw new OwnDeadLetterQueue();
    for (;;) {
      let { done, dueInMs } = await this.store.change(queue, configuration);
      // In a Redis that is full a queue can still be changed.
      if (!done) ({ done, dueInMs } = await this.store.make(queue, configuration));
      if (!done) continue;
      this.timers.arm(queue, dueInMs);
      return this.get(queue);
    }
  }

  /** @throws QueueNotFound */
  async get(queue: string): Promise<Queue> {
    const found = await this.find(queue);
    if (found === null) throw new QueueNotFound(queue);
    return found;
  }

  async list(prefix: string, cursor: string | null, limit: number): Promise<Queues> {
    const names = await this.store.names(prefix, cursor, limit);
    const found = await Promise.all(names.map((name) => this.find(name)));
    return {
      queues: found.filter((queue) => queue !== null),
      cursor: names.length < limit ? null : (names.at(-1) ?? null),
    };
  }

  /** Removes the queue; what is large of it goes in the background. */
  async remove(queue: string): Promise<void> {
    if (!(await this.store.remove(queue))) throw new QueueNotFound(queue);
    await this.timers.work(queue);
  }

  async pause(queue: string, paused: boolean): Promise<Queue> {
    if (!(await this.store.pause(queue, paused))) throw new QueueNotFound(queue);
    return this.get(queue);
  }

  async purge(queue: string): Promise<Purged> {
    const reply = await this.store.purge(queue);
    if (reply === null) throw new QueueNotFound(queue);
    this.timers.arm(queue, reply.dueInMs);
    return { purged: reply.purged };
  }

  async browse(queue: string, { state, cursor = '', limit }: BrowseQuery): Promise<Browsed> {
    const reply = await this.store.browse(queue, state, cursor, limit);
    if (reply === null) throw new QueueNotFound(queue);
    return {
      messages: reply.messages.map((message) => toBrowsed(reply.gen, message, state)),
      cursor: reply.cursor,
    };
  }

  /**
   * Moves dead letters back, in steps: what has left stays moved when a later step fails, and calling again goes
   * on; calling with the same `id` is one call. Messages that never were elsewhere stay when `to` does not say where they
   * should go.
   */
  async redrive(
    queue: string,
    { max = Number.POSITIVE_INFINITY, to, id }: Redrive,
    disconnect: DisconnectSignal,
  ): Promise<Redriven> {
    if (to === queue) throw new RedriveToItself();
    const { stats } = await this.get(queue);
    let moved = 0;
    let seen = 0;
    for (let number = 0; ; number++) {
      const most = Math.min(REDRIVE_STEP, max - moved, Math.max(1, stats.ready - seen));
      const step = await this.store.redrive(queue, most, to, id && `${id}:${number}`);
      if (step === null) throw new QueueNotFound(queue);
      this.timers.arm(queue, step.dueInMs);
      moved += step.moved;
      seen += step.seen;
      await this.outbox.deliver(queue);
      const isLast = !step.wasDone && (step.seen === 0 || seen >= stats.ready);
      if (isLast || moved >= max || disconnect.aborted || this.drain.draining) return { moved };
    }
  }

  private async find(name: string): Promise<Queue | null> {
    const reply = await this.store.describe(name);
    if (reply === null) return null;
    const configuration = JSON.parse(reply.configuration) as QueueConfiguration;
    return { name, ...configuration, paused: reply.paused, stats: reply.stats };
  }
}
