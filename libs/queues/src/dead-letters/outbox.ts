import { Injectable } from '@nestjs/common';
import type { QueueConfiguration } from '@syncline/contracts';
import { defaultConfiguration } from '../queues/configuration.js';
import { QueueStore } from '../redis/queue.store.js';
import type { Adopted, Posted } from '../redis/scripts/outbox.js';

/** A dead-letter queue that nobody configured: looking at a dead letter must not move it on. */
const DEAD_LETTER_MAX_RECEIVES = 1_000;

/**
 * Brings messages from one queue to another, which may live on another Redis of a cluster: taken over there,
 * then removed here. Numbers that only grow tell the other side what it has already, so nothing is lost or
 * doubled however often, or by however many nodes, this runs.
 */
@Injectable()
export class Outbox {
  constructor(private readonly store: QueueStore) {}

  /** Delivers all that waits in the outbox of a queue. */
  async deliver(queue: string): Promise<void> {
    for (;;) {
      const { posted, durability } = await this.store.peekOutbox(queue);
      const [first] = posted;
      if (first === undefined) return;
      // In order, so that the largest number taken over stands for all before it.
      const foreign = posted.findIndex(({ to }) => to !== first.to);
      const batch = foreign < 0 ? posted : posted.slice(0, foreign);
      await this.adopt(first.to, queue, batch);
      // It may be on another Redis, which must not lose what this one gives up.
      await this.store.confirm(first.to, durability);
      await this.store.settleOutbox(queue, batch.at(-1)?.number ?? first.number);
    }
  }

  private async adopt(to: string, from: string, batch: readonly Posted[]): Promise<void> {
    const messages = batch.map((posted) => toAdopted(posted, from, to));
    while ((await this.store.adopt(to, from, messages)) === null) {
      await this.store.make(to, configurationFor(to, batch));
    }
  }
}

function configurationFor(queue: string, [first]: readonly Posted[]): QueueConfiguration {
  const configuration = defaultConfiguration(queue);
  return first?.reason === 'redrive'
    ? configuration
    : { ...configuration, maxReceives: DEAD_LETTER_MAX_RECEIVES };
}

/** The time to live was that of the message's first journey: a dead letter stays until somebody has looked at it. */
function toAdopted(
  { number, message, id: ownId, reason, attempts, history, postedAt }: Posted,
  from: string,
  to: string,
): Adopted {
  const { id = ownId, deadLetter: before } = message.extra ?? {};
  const deadLetter =
    reason === 'redrive'
      ? null
      : {
          queue: from,
          reason,
          receiveCount: attempts,
          enqueuedAt: new Date(message.enqueuedAt).toISOString(),
          deadAt: new Date(postedAt).toISOString(),
          attempts: history,
        };
  const content = { ...message, ttlMs: null, extra: { id, deadLetter } };
  return { number, content, returnsHome: reason === 'redrive' && before?.queue === to };
}
