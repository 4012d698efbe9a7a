import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { logUnlessAway } from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import { CachesStore } from '../redis/caches.store.js';
import { type Part, type Shard, Shards } from '../redis/shards.js';

const SWEEP_MS = 1_000;
/** Keeps one step below a millisecond or two of Redis' time. */
const MAX_A_STEP = 500;
const MAX_STEPS_A_SWEEP = 40;
/** Caches that are looked for at once. */
const PAGE = 1_000;
/** Of many shards one in so many is looked at in each sweep, so that a node that has nothing to do costs little. */
const SPREAD = 8;

/**
 * Frees the memory of entries whose time is over, for the shards that this node owns on the ring. Redis keeps a list of
 * the caches that have something to be swept, so those that have nothing cost nothing. Reads judge an entry's time by
 * themselves: nothing is served longer when this is late, or when two nodes do it at once.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private readonly report = logUnlessAway(this.logger);
  private readonly loop = new Loop(() => this.sweepDue(), SWEEP_MS, this.logger);
  private sweeps = 0;

  constructor(
    private readonly store: CachesStore,
    private readonly shards: Shards,
    private readonly membership: Membership,
  ) {}

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }

  private async sweepDue(): Promise<void> {
    if (!this.membership.isMember) return;
    const { all } = this.shards;
    this.sweeps += 1;
    const own = all.filter(
      ({ index, key }) =>
        (this.sweeps + index) % Math.min(SPREAD, all.length) === 0 && this.membership.owns(key),
    );
    await Promise.all(own.map((shard) => this.sweepShard(shard).catch(this.report)));
  }

  private async sweepShard(shard: Shard): Promise<void> {
    for (const cache of await this.store.due(shard, { max: PAGE })) await this.sweep({ cache, shard });
  }

  private async sweep(part: Part): Promise<void> {
    for (let step = 0; step < MAX_STEPS_A_SWEEP; step += 1) {
      if ((await this.store.sweep(part, { max: MAX_A_STEP })) !== 0) return;
    }
  }
}
