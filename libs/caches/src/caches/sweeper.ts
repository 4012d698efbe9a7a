import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { StoreUnavailable } from '@syncline/redis';
import { EntriesStore } from '../redis/entries.store.js';
import { RedisLife } from '../redis/redis-life.js';

const TICK_MS = 1_000;
/** On a Redis Cluster a cache is looked at this often although nothing was known to end: it may have got new entries. */
const LOOK_AGAIN_MS = 3_000;
/** Keeps one step below a millisecond or two of Redis' time. */
const MAX_A_STEP = 500;
const MAX_STEPS_A_TICK = 40;
const MAX_DUE = 1_000;

/**
 * Frees the memory of entries whose life is over, for the caches that this node owns on the ring. Redis keeps a list of
 * the caches that have something to be swept, so those that have nothing cost nothing. Reads judge an entry's life by
 * themselves: nothing is served longer when this is late, or when two nodes do it at once.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private readonly dueAt = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: EntriesStore,
    private readonly life: RedisLife,
    private readonly membership: Membership,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setTimeout(() => this.tick(), TICK_MS);
  }

  async onModuleDestroy(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.running;
  }

  private tick(): void {
    this.running = this.sweepDue()
      .catch((error: unknown) => {
        if (!(error instanceof StoreUnavailable)) this.logger.error(error);
      })
      .finally(() => {
        if (this.timer !== undefined) this.timer = setTimeout(() => this.tick(), TICK_MS);
      });
  }

  private async sweepDue(): Promise<void> {
    if (!this.membership.isMember) return;
    if (!this.life.exists) return this.sweepOnCluster();
    for (const cache of await this.store.due(MAX_DUE)) {
      if (this.membership.owns(cache)) await this.sweep(cache);
    }
  }

  /** There the list cannot be kept by the scripts of caches, which lie apart. */
  private async sweepOnCluster(): Promise<void> {
    const names = (await this.store.names()).filter((name) => this.membership.owns(name));
    const owned = new Set(names);
    for (const name of this.dueAt.keys()) if (!owned.has(name)) this.dueAt.delete(name);
    for (const name of names) {
      if ((this.dueAt.get(name) ?? 0) > performance.now()) continue;
      const next = await this.sweep(name);
      this.dueAt.set(name, performance.now() + Math.min(next ?? LOOK_AGAIN_MS, LOOK_AGAIN_MS));
    }
  }

  private async sweep(cache: string): Promise<number | null> {
    let next: number | null = 0;
    for (let step = 0; step < MAX_STEPS_A_TICK && next === 0; step += 1) {
      next = await this.store.sweep(cache, MAX_A_STEP);
    }
    return next;
  }
}
