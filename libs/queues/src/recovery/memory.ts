import { Injectable } from '@nestjs/common';
import type { Knowledge, Outline } from './kept.js';
import { bytesOf, QueueMemory, type SentBatch } from './queue-memory.js';

/** How long a message is held after its send was answered: longer than a replica is behind as a rule. */
const HELD_MS = 3_000;
/** How long an end is remembered: longer than any node holds the message. */
const ENDED_MS = 12_000;
const MOST_HELD_BYTES = 16_777_216;
/** Ends of one queue. */
const MOST_ENDED = 200_000;
const MOST_QUEUES = 10_000;

/**
 * What this node told its clients of queues: it is told to a Redis instance that may lack it. Time alone forgets nothing: what is
 * old is dropped when Redis was seen to be the same instance after it.
 */
@Injectable()
export class Memory {
  private readonly queues = new Map<string, QueueMemory>();
  private heldBytes = 0;

  /** A send was answered. */
  sent(queue: string, gen: string, batch: SentBatch): void {
    const memory = this.of(queue, gen);
    if (memory === null) return;
    this.heldBytes += bytesOf(batch) - memory.drop(batch.at - HELD_MS);
    memory.hold(batch);
    while (this.heldBytes > MOST_HELD_BYTES) {
      const bytes = memory.dropFirst();
      if (bytes === 0) break;
      this.heldBytes -= bytes;
    }
  }

  /** A message was delivered. */
  saw(queue: string, gen: string, seq: number): void {
    this.of(queue, gen)?.see(seq + 1);
  }

  /** Messages ended, as their receivers were told. @param gone how many messages of the generation are gone, if Redis said it */
  ended(queue: string, gen: string, seqs: readonly number[], gone: number | undefined): void {
    const memory = this.of(queue, gen);
    if (memory === null) return;
    if (gone !== undefined) memory.count(gone);
    if (seqs.length === 0) return;
    memory.end(seqs, performance.now());
    if (memory.endCount > MOST_ENDED) memory.forgetEnds(performance.now() - HELD_MS);
  }

  /** Messages were cancelled, maybe through another node. */
  cancelled(queue: string, ids: readonly string[]): void {
    for (const id of ids) {
      const [gen = '', seq] = id.split('-');
      if (this.queues.get(queue)?.gen === gen) this.ended(queue, gen, [Number(seq)], undefined);
    }
  }

  /** A generation was purged or removed. @param next the one after it; empty: none */
  over(queue: string, gen: string, next: string): void {
    const memory = this.queues.get(queue);
    if (memory === undefined || Number(memory.gen) > Number(gen)) return;
    this.forget(queue);
    if (next !== '') this.of(queue, next);
  }

  outline(queue: string): Outline | null {
    return this.queues.get(queue)?.outline() ?? null;
  }

  recall(queue: string): Knowledge | null {
    return this.queues.get(queue)?.recall() ?? null;
  }

  /** Whether all of a queue was told to an opening of a Redis instance before. */
  wasTold(queue: string, opening: string): boolean {
    return this.queues.get(queue)?.toldTo === opening;
  }

  told(queue: string, opening: string): void {
    const memory = this.queues.get(queue);
    if (memory !== undefined) memory.toldTo = opening;
  }

  /** The Redis instance of a queue was found to be the one that it was, or knows all, at a moment of the monotonic clock. */
  confirm(queue: string, at: number): void {
    const memory = this.queues.get(queue);
    if (memory === undefined) return;
    this.heldBytes -= memory.drop(at - HELD_MS);
    memory.forgetEnds(at - ENDED_MS);
  }

  /** All queues of which something is known. */
  get known(): string[] {
    return [...this.queues.keys()];
  }

  /** Queues of which something would be dropped, were it known that Redis is the same instance. */
  get unconfirmed(): string[] {
    const before = performance.now() - HELD_MS;
    return [...this.queues].flatMap(([queue, { oldestAt }]) => (oldestAt < before ? [queue] : []));
  }

  /** Null: the generation is over. */
  private of(queue: string, gen: string): QueueMemory | null {
    const known = this.queues.get(queue);
    if (known?.gen === gen) return known;
    if (known !== undefined && Number(known.gen) > Number(gen)) return null;
    this.forget(queue);
    if (this.queues.size >= MOST_QUEUES) {
      for (const oldest of this.queues.keys()) {
        this.forget(oldest);
        break;
      }
    }
    const memory = new QueueMemory(gen);
    this.queues.set(queue, memory);
    return memory;
  }

  private forget(queue: string): void {
    this.heldBytes -= this.queues.get(queue)?.heldBytes ?? 0;
    this.queues.delete(queue);
  }
}
