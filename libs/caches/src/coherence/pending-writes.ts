import { randomUUID } from 'node:crypto';
import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { StoreUnavailable } from '@syncline/redis';
import { EntriesStore } from '../redis/entries.store.js';
import { RedisLife } from '../redis/redis-life.js';
import type { Prepared, Round } from '../redis/scripts/coherence.scripts.js';
import { CacheMetrics } from '../statistics/cache-metrics.js';
import { FORCE_AFTER_MS, GIVE_UP_MS, LOOK_UP_MS } from './coherence.rules.js';

const MAX_LOOKED_UP = 1_000;

/** A write whose result is awaited. */
interface Pending {
  readonly id: string;
  readonly cache: string;
  readonly settle: (result: readonly string[]) => void;
  readonly fail: (error: Error) => void;
}

/** Waits for writes that other nodes must acknowledge first, and ends the wait when one of them is silent. */
@Injectable()
export class PendingWrites implements OnApplicationBootstrap {
  private readonly logger = new Logger(PendingWrites.name);
  /** By id. An object, not a map: see `docs/decisions/garbage.md`. */
  private readonly pending: Record<string, Pending> = Object.create(null);
  private count = 0;
  private readonly process = randomUUID();
  private writes = 0;
  private lookUps: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: EntriesStore,
    private readonly life: RedisLife,
    private readonly metrics: CacheMetrics,
  ) {}

  onApplicationBootstrap(): void {
    this.life.ended.subscribe(() => {
      for (const write of Object.values(this.pending)) {
        write.fail(new StoreUnavailable('Redis started anew during the write.'));
      }
    });
  }

  newId(): string {
    this.writes += 1;
    return `${this.process}:${this.writes}`;
  }

  /**
   * Sends a write and waits for its result.
   *
   * @param send sends it; the result may be told before its reply arrives
   * @returns the result; `unnamed` when nothing was done, see {@link Prepared}
   * @throws StoreUnavailable when the outcome is unknown
   */
  async run(
    write: { id: string; cache: string; register: string },
    send: () => Promise<Prepared>,
  ): Promise<readonly string[] | 'unnamed'> {
    const { id, cache, register } = write;
    const { promise, resolve, reject } = promiseWithResolvers<readonly string[]>();
    promise.catch(() => {});
    this.pending[id] = { id, cache, settle: resolve, fail: reject };
    this.count += 1;
    const timers: NodeJS.Timeout[] = [];
    try {
      const prepared = await send();
      if (prepared.state === 'unnamed') return 'unnamed';
      if (prepared.state === 'done') return prepared.result;
      const round = { register, round: prepared.round, sharers: prepared.sharers };
      timers.push(
        setTimeout(() => void this.force(cache, id, round), FORCE_AFTER_MS),
        setTimeout(() => reject(new StoreUnavailable('The write is not done yet.')), GIVE_UP_MS),
      );
      this.lookUps ??= setInterval(() => void this.lookUp(), LOOK_UP_MS);
      return await promise;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      delete this.pending[id];
      this.count -= 1;
      if (this.count === 0) {
        clearInterval(this.lookUps);
        this.lookUps = undefined;
      }
    }
  }

  /** A hint from the script that did the write. It may never come. */
  onSettled(hint: { id: string; result: readonly string[] }): void {
    this.pending[hint.id]?.settle(hint.result);
  }

  private async force(cache: string, id: string, round: Round): Promise<void> {
    try {
      if (await this.store.force(cache, round)) this.metrics.forcedWrites.inc();
      await this.lookUpIn(cache, [id]);
    } catch (error) {
      this.report(error);
    }
  }

  private async lookUp(): Promise<void> {
    const byCache = new Map<string, string[]>();
    for (const { id, cache } of Object.values(this.pending).slice(0, MAX_LOOKED_UP)) {
      byCache.set(cache, [...(byCache.get(cache) ?? []), id]);
    }
    try {
      await Promise.all([...byCache].map(([cache, ids]) => this.lookUpIn(cache, ids)));
    } catch (error) {
      this.report(error);
    }
  }

  private async lookUpIn(cache: string, ids: readonly string[]): Promise<void> {
    const results = await this.store.results(cache, ids);
    for (const [i, result] of results.entries()) {
      if (result.length > 0) this.pending[ids[i] ?? '']?.settle(result);
    }
  }

  private report(error: unknown): void {
    if (!(error instanceof StoreUnavailable)) this.logger.error(error);
  }
}

function promiseWithResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
