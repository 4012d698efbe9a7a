import { Injectable } from '@nestjs/common';
import type { PutQueue, Queue, QueueConfiguration, Queues } from '@syncline/contracts';
import { completeConfiguration } from './configuration.js';
import { DueTimers } from './due-timers.js';
import { OwnDeadLetterQueue, QueueNotFound } from './queue.errors.js';
import { QueueStore } from './queue.store.js';

/** Queues as such: made, configured, looked at. */
@Injectable()
export class QueuesService {
  constructor(
    private readonly store: QueueStore,
    private readonly timers: DueTimers,
  ) {}

  /** Makes the queue, or replaces its whole configuration. */
  async put(queue: string, given: PutQueue): Promise<Queue> {
    const configuration = completeConfiguration(queue, given);
    if (configuration.deadLetterQueue === queue) throw new OwnDeadLetterQueue();
    const { dueInMs } = await this.store.configure(queue, configuration, false);
    this.timers.arm(queue, dueInMs);
    return this.get(queue);
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

  private async find(name: string): Promise<Queue | null> {
    const reply = await this.store.describe(name);
    if (reply === null) return null;
    const configuration = JSON.parse(reply.configuration) as QueueConfiguration;
    return { name, ...configuration, paused: reply.paused, stats: reply.stats };
  }
}
