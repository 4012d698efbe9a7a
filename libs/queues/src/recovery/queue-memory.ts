import type { HeldMessage, Knowledge, Outline } from './kept.js';

/** What one call sent. Times are of the monotonic clock, ms. */
export interface SentBatch {
  readonly at: number;
  /** Of each message; -1: it was not taken. */
  readonly seqs: { readonly first: number; readonly count: number } | readonly number[];
  /** Records without their time, each behind its length of 3 bytes. */
  readonly tails: Buffer;
  /** Of each message; none where all are plain. */
  readonly options: readonly { readonly delayMs: number; readonly deduplication: string }[];
}

interface Ended {
  readonly at: number;
  readonly seqs: number[];
}

const ENDS_TOGETHER_MS = 250;

/** What this node told the clients of one queue, of one generation of it. */
export class QueueMemory {
  /** The opening of a Redis instance to which all was told. */
  toldTo = '';
  private seen = 0;
  private unheld = 0;
  private gone = 0;
  private held: SentBatch[] = [];
  /** Those before were dropped. */
  private firstHeld = 0;
  private ended: Ended[] = [];
  private endedCount = 0;

  constructor(readonly gen: string) {}

  hold(batch: SentBatch): void {
    this.see(endOf(batch));
    this.held.push(batch);
  }

  /** All seqs that were told are below. */
  see(end: number): void {
    if (end > this.seen) this.seen = end;
  }

  end(seqs: readonly number[], at: number): void {
    this.endedCount += seqs.length;
    const last = this.ended.at(-1);
    if (last !== undefined && at - last.at < ENDS_TOGETHER_MS) last.seqs.push(...seqs);
    else this.ended.push({ at, seqs: [...seqs] });
  }

  count(gone: number): void {
    if (gone > this.gone) this.gone = gone;
  }

  /** When the oldest that is held was sent, or ended; `Infinity`: nothing is held. */
  get oldestAt(): number {
    return Math.min(this.held[this.firstHeld]?.at ?? Infinity, this.ended[0]?.at ?? Infinity);
  }

  /** Holds the batches no longer that were sent before a moment. Returns how many bytes they took. */
  drop(before: number): number {
    let bytes = 0;
    while (this.firstHeld < this.held.length) {
      const batch = this.held[this.firstHeld] as SentBatch;
      if (batch.at >= before) break;
      bytes += this.dropFirst();
    }
    return bytes;
  }

  /** Returns how many bytes it took; 0: nothing is held. */
  dropFirst(): number {
    const batch = this.held[this.firstHeld];
    if (batch === undefined) return 0;
    this.unheld = Math.max(this.unheld, endOf(batch));
    this.firstHeld += 1;
    if (this.firstHeld * 2 > this.held.length) {
      this.held = this.held.slice(this.firstHeld);
      this.firstHeld = 0;
    }
    return bytesOf(batch);
  }

  forgetEnds(before: number): void {
    while (this.ended[0] !== undefined && this.ended[0].at < before) {
      this.endedCount -= this.ended[0].seqs.length;
      this.ended.shift();
    }
  }

  get endCount(): number {
    return this.endedCount;
  }

  get heldBytes(): number {
    return this.held.slice(this.firstHeld).reduce((sum, batch) => sum + bytesOf(batch), 0);
  }

  outline(): Outline {
    const { gen, seen, unheld, gone } = this;
    return { gen, seen, unheld, gone };
  }

  /** Takes as long as there are messages in it. */
  recall(): Knowledge {
    const ended = this.ended.flatMap(({ seqs }) => seqs);
    const over = new Set(ended);
    const now = performance.now();
    const held = this.held.slice(this.firstHeld).flatMap((batch) => messagesOf(batch, now));
    return { ...this.outline(), ended, held: held.filter(({ seq }) => !over.has(seq)) };
  }
}

/** An object, its buffer and what they stand in. */
const BATCH_BYTES = 256;

export const bytesOf = ({ tails, options }: SentBatch): number =>
  BATCH_BYTES + tails.length + options.length * 64;

const endOf = ({ seqs }: SentBatch): number =>
  'first' in seqs ? seqs.first + seqs.count : seqs.reduce((end, seq) => Math.max(end, seq + 1), 0);

function messagesOf({ at, seqs, tails, options }: SentBatch, now: number): HeldMessage[] {
  const count = 'first' in seqs ? seqs.count : seqs.length;
  const ageMs = Math.round(now - at);
  const messages: HeldMessage[] = [];
  for (let i = 0, from = 0; i < count; i += 1) {
    const length = tails.readUIntBE(from, 3);
    const tail = tails.subarray(from + 3, from + 3 + length);
    from += 3 + length;
    const seq = 'first' in seqs ? seqs.first + i : (seqs[i] as number);
    if (seq < 0) continue;
    const { delayMs = 0, deduplication = '' } = options[i] ?? {};
    messages.push({ seq, ageMs, delayMs: Math.max(0, delayMs - ageMs), deduplication, tail });
  }
  return messages;
}
