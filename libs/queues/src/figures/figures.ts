import type { QueueStats } from '@syncline/contracts';

/** What is sampled of a queue. */
export const SAMPLED = [
  'ready',
  'delayed',
  'inFlight',
  'dead',
  'bytes',
  'oldestReadyAgeMs',
  'sent',
  'received',
  'acked',
  'failed',
  'expired',
  'lost',
] as const satisfies readonly (keyof QueueStats)[];
export type Sample = Pick<QueueStats, (typeof SAMPLED)[number]>;

/** Every 10 s, for an hour. */
export const SAMPLE_MS = 10_000;
const MOST_SAMPLES = 360;
const FIRST_ROOM = 16;
const WIDTH = SAMPLED.length + 1;

/** The samples of a queue, the oldest of which go: 13 numbers each, as long as there are some. */
export class Figures {
  private numbers = new Float64Array(FIRST_ROOM * WIDTH);
  private room = FIRST_ROOM;
  private added = 0;

  /** @param at ms since 1970 */
  add(at: number, sample: Sample): void {
    if (this.added === this.room && this.room < MOST_SAMPLES) this.grow();
    const from = (this.added % this.room) * WIDTH;
    this.numbers[from] = at;
    for (const [i, name] of SAMPLED.entries()) this.numbers[from + 1 + i] = sample[name];
    this.added += 1;
  }

  /** The oldest first. */
  *all(): Iterable<{ readonly at: number } & Sample> {
    for (let i = Math.max(0, this.added - this.room); i < this.added; i += 1) yield this.sampleAt(i);
  }

  get last(): Sample | undefined {
    return this.added === 0 ? undefined : this.sampleAt(this.added - 1);
  }

  private sampleAt(number: number): { readonly at: number } & Sample {
    const from = (number % this.room) * WIDTH;
    const at = this.numbers[from] as number;
    const named = SAMPLED.map((name, i) => [name, this.numbers[from + 1 + i] as number]);
    return { at, ...(Object.fromEntries(named) as Sample) };
  }

  private grow(): void {
    this.room = Math.min(MOST_SAMPLES, 2 * this.room);
    const numbers = new Float64Array(this.room * WIDTH);
    numbers.set(this.numbers);
    this.numbers = numbers;
  }
}
