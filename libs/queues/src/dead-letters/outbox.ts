import { Injectable } from '@nestjs/common';
import { defaultConfiguration, type QueueConfiguration } from '@syncline/contracts';
import { QueueStore } from '../redis/queue.store.js';
import type { Adopted, Posted } from '../redis/scripts/outbox.js';

/** A dead-letter queue that nobody configured: looking at a dead letter must not move it on. */
const DEAD_LETTER_MAX_RECEIVES = 1_000;

/** One run, and the one after it, where somebody asked for that. */
interface Run {
  readonly ended: Promise<void>;
  next: Promise<void> | undefined;
}

/**
 * Brings messages from one queue to another, which may live on another Redis of a cluster: taken over there,
 * then removed here. Numbers that only grow tell the other side what it has already, so nothing is lost or
 * doubled however often, or by however many nodes, this runs.
 */
@Injectable()
export class Outbox {
  private readonly runs = new Map<string, Run>();

  constructor(private readonly store: QueueStore) {}

  /** Delivers all that waits in the outbox of a queue. Those who ask while it runs share the next run. */
  deliver(queue: string): Promise<void> {
    const run = this.runs.get(queue);
    if (run === undefined) return this.start(queue);
    run.next ??= run.ended.catch(() => undefined).then(() => this.start(queue));
    return run.next;
  }

  private start(queue: string): Promise<void> {
    const run: Run = { ended: this.empty(queue), next: undefined };
    this.runs.set(queue, run);
    return run.ended.finally(() => {
      if (run.next === undefined) this.runs.delete(queue);
    });
  }

  private async empty(queue: string): Promise<void> {
    for (;;) {
      const { posted, durability } = await this.store.peekOutbox(queue);
      const [first] = posted;
      if (first === undefined) return;
      // In order, so that the largest number taken over stands for all before it. One that may lead to another message looks at
      // what is there, so it comes first.
      const foreign = posted.findIndex(
        ({ to, deduplication }, i) => i > 0 && (to !== first.to || deduplication !== ''),
      );
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
  return first?.reason === 'redrive' || first?.reason === 'send'
    ? configuration
    : { ...configuration, maxReceives: DEAD_LETTER_MAX_RECEIVES };
}

/** The time to live was that of the message's first journey: a dead letter stays until somebody has looked at it. */
function toAdopted(
  { number, message, id: ownId, reason, attempts, history, postedAt, delayMs, deduplication }: Posted,
  from: string,
  to: string,
): Adopted {
  if (reason === 'send') return { number, content: message, returnsHome: false, delayMs, deduplication };
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
  const returnsHome = reason === 'redrive' && before?.queue === to;
  return { number, content, returnsHome, delayMs: 0, deduplication: '' };
}
