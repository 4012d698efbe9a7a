import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '../clock.js';

const LOOK_EVERY_MS = 1_000;
/** How long the release of all that is held may take when the client is closed. */
const RELEASE_WITHIN_MS = 5_000;

/** One thing of them. */
interface Held {
  wake(): void;
  unref(): void;
  close(): Promise<void>;
}

/** What a client holds: woken after the machine slept, and given back when the client is closed. */
export class Holdings {
  /** By a number. An object: entries come and go. */
  private readonly held: Record<number, Held> = Object.create(null);
  private count = 0;
  private last = 0;
  private looker: NodeJS.Timeout | undefined;
  private sleptMs = 0;
  private closing = false;

  get isClosing(): boolean {
    return this.closing;
  }

  /** @returns takes it out again */
  add(holding: Held): () => void {
    this.last += 1;
    const number = this.last;
    this.held[number] = holding;
    this.count += 1;
    if (this.looker === undefined) {
      clock.now();
      this.sleptMs = clock.sleptMs;
      this.looker = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    }
    return () => this.remove(number);
  }

  /** Ends with what is held. Unless it is to be released, it is renewed no longer and ends with its TTL. */
  async close(release: boolean): Promise<void> {
    this.closing = true;
    const held = Object.values(this.held);
    if (!release) {
      for (const holding of held) holding.unref();
      return;
    }
    if (held.length === 0) return;
    const enough = new AbortController();
    const timeOut = sleep(RELEASE_WITHIN_MS, undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([Promise.all(held.map((holding) => holding.close())), timeOut]);
    enough.abort();
  }

  private remove(number: number): void {
    delete this.held[number];
    this.count -= 1;
    if (this.count > 0) return;
    clearInterval(this.looker);
    this.looker = undefined;
  }

  /** Timers stand still while the machine sleeps: all are late then by as long. */
  private look(): void {
    clock.now();
    if (clock.sleptMs === this.sleptMs) return;
    this.sleptMs = clock.sleptMs;
    for (const holding of Object.values(this.held)) holding.wake();
  }
}
