import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '../clock.js';

const CHECK_SLEEP_EVERY_MS = 1_000;
/** Deadline for releasing everything when the client is closed. */
const RELEASE_WITHIN_MS = 5_000;

/** A holding, as this registry uses it. */
interface Held {
  wake(): void;
  unref(): void;
  close(): Promise<void>;
}

/** Everything that a client holds. Renews it after the machine slept, and releases it when the client is closed. */
export class Holdings {
  /** By number. An object, not a map: see `docs/decisions/garbage.md`. */
  private readonly held: Record<number, Held> = Object.create(null);
  private count = 0;
  private last = 0;
  private sleepCheck: NodeJS.Timeout | undefined;
  private sleptMs = 0;
  private closing = false;

  get isClosing(): boolean {
    return this.closing;
  }

  /** @returns a function that removes the holding */
  add(holding: Held): () => void {
    this.last += 1;
    const number = this.last;
    this.held[number] = holding;
    this.count += 1;
    if (this.sleepCheck === undefined) {
      clock.now();
      this.sleptMs = clock.sleptMs;
      this.sleepCheck = setInterval(() => this.wakeAfterSleep(), CHECK_SLEEP_EVERY_MS).unref();
    }
    return () => this.remove(number);
  }

  /** @param release release everything now; false: stop keeping the process alive, and let everything end with its TTL */
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
    clearInterval(this.sleepCheck);
    this.sleepCheck = undefined;
  }

  /** Timers stop while the machine sleeps, so every renewal is late by the time of the sleep. */
  private wakeAfterSleep(): void {
    clock.now();
    if (clock.sleptMs === this.sleptMs) return;
    this.sleptMs = clock.sleptMs;
    for (const holding of Object.values(this.held)) holding.wake();
  }
}
