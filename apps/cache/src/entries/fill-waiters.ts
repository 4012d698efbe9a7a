import { Injectable, Logger } from '@nestjs/common';
import { Drain, type HangUpSignal, ShuttingDown } from '@syncline/http';
import { StoreUnavailable } from '@syncline/redis';
import { EntriesStore } from './entries.store.js';

/** How often the leases that callers of this node wait for are looked at, in case a hint was lost. */
const LOOK_MS = 500;
const MAX_LOOKED_AT = 1_000;

interface Waiter {
  readonly wake: () => void;
  readonly fail: (error: Error) => void;
}

/** Callers of this node that wait for somebody else's fill. */
@Injectable()
export class FillWaiters {
  private readonly logger = new Logger(FillWaiters.name);
  private readonly caches = new Map<string, Map<string, Set<Waiter>>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: EntriesStore,
    private readonly drain: Drain,
  ) {
    drain.signal.addEventListener('abort', () => {
      for (const cache of this.caches.keys()) this.failAll(cache, new ShuttingDown());
    });
  }

  /**
   * Waits until the fill lease of a key may be free.
   *
   * @param ms at most so long
   * @param hangUp ends the wait with its reason
   * @throws StoreUnavailable when Redis is away meanwhile, ShuttingDown when the node stops
   */
  wait(cache: string, key: string, ms: number, hangUp: HangUpSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (outcome: () => void) => {
        clearTimeout(timeout);
        hangUp.removeEventListener('abort', onAbort);
        this.remove(cache, key, waiter);
        outcome();
      };
      const onAbort = () => end(() => reject(hangUp.reason));
      const waiter: Waiter = { wake: () => end(resolve), fail: (error) => end(() => reject(error)) };
      const timeout = setTimeout(() => end(resolve), ms);
      hangUp.addEventListener('abort', onAbort);
      this.add(cache, key, waiter);
      if (hangUp.aborted) onAbort();
      if (this.drain.draining) waiter.fail(new ShuttingDown());
    });
  }

  /** A hint: the lease of a key ended. */
  wake(cache: string, key: string): void {
    for (const waiter of [...(this.caches.get(cache)?.get(key) ?? [])]) waiter.wake();
  }

  private add(cache: string, key: string, waiter: Waiter): void {
    const keys = this.caches.get(cache) ?? new Map<string, Set<Waiter>>();
    this.caches.set(cache, keys);
    keys.set(key, (keys.get(key) ?? new Set()).add(waiter));
    this.timer ??= setInterval(() => void this.look(), LOOK_MS);
  }

  private remove(cache: string, key: string, waiter: Waiter): void {
    const keys = this.caches.get(cache);
    const waiters = keys?.get(key);
    waiters?.delete(waiter);
    if (waiters?.size === 0) keys?.delete(key);
    if (keys?.size === 0) this.caches.delete(cache);
    if (this.caches.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
  }

  /** One script a cache, however many callers wait. */
  private async look(): Promise<void> {
    await Promise.all([...this.caches].map(([cache, keys]) => this.lookIn(cache, [...keys.keys()])));
  }

  private async lookIn(cache: string, keys: readonly string[]): Promise<void> {
    try {
      for (const key of await this.store.freeLeases(cache, keys.slice(0, MAX_LOOKED_AT)))
        this.wake(cache, key);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) {
        this.logger.error(error);
        return;
      }
      this.failAll(cache, error);
    }
  }

  private failAll(cache: string, error: Error): void {
    for (const waiters of [...(this.caches.get(cache)?.values() ?? [])]) {
      for (const waiter of [...waiters]) waiter.fail(error);
    }
  }
}
