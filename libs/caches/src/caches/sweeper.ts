import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { Loop } from '@syncline/runtime';
import { CachesStore } from '../redis/caches.store.js';
import { RedisInstance } from '../redis/redis-instance.js';

const SWEEP_MS = 1_000;
/** Keeps one step below a millisecond or two of Redis' time. */
const MAX_A_STEP = 500;
const MAX_STEPS_A_SWEEP = 40;
/** Caches that are looked for at once. */
const PAGE = 1_000;
/** On a Redis Cluster each cache is looked at this often: nothing tells which of them have something to be swept. */
const PASS_MS = 3_000;

/**
 * Frees the memory of entries whose time is over, for the caches that this node owns on the ring. Redis keeps a list of
 * the caches that have something to be swept, so those that have nothing cost nothing. Reads judge an entry's time by
 * themselves: nothing is served longer when this is late, or when two nodes do it at once.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private readonly sweeps = new Loop(() => this.sweepDue(), SWEEP_MS, this.logger);
  /** Where the pass over all caches of a Redis Cluster goes on; null: with the first one, when the next pass is due. */
  private after: string | null = null;
  private passAt = 0;

  constructor(
    private readonly store: CachesStore,
    private readonly instance: RedisInstance,
    private readonly membership: Membership,
  ) {}

  onApplicationBootstrap(): void {
    this.sweeps.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.sweeps.stop();
  }

  private async sweepDue(): Promise<void> {
    if (!this.membership.isMember) return;
    const caches = this.instance.exists ? await this.store.due({ max: PAGE }) : await this.nextOfPass();
    for (const cache of caches) {
      if (this.membership.owns(cache)) await this.sweep(cache);
    }
  }

  /** There the list cannot be kept by the scripts of caches, which lie apart. */
  private async nextOfPass(): Promise<string[]> {
    if (this.after === null) {
      if (performance.now() < this.passAt) return [];
      this.passAt = performance.now() + PASS_MS;
    }
    const names = await this.store.names(this.after, PAGE);
    this.after = names.length < PAGE ? null : (names.at(-1) ?? null);
    return names;
  }

  private async sweep(cache: string): Promise<void> {
    for (let step = 0; step < MAX_STEPS_A_SWEEP; step += 1) {
      if ((await this.store.sweep(cache, { max: MAX_A_STEP })) !== 0) return;
    }
    // More is left than one sweep may take.
    this.passAt = 0;
  }
}
