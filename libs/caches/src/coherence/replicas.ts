import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  Optional,
} from '@nestjs/common';
import { EventLog, Membership } from '@syncline/cluster';
import { Loop, ProcessIdentity, Tenants } from '@syncline/runtime';
import type { HeldEntry } from '../near-cache/near-cache.js';
import { Instances } from '../redis/instances.js';
import { ReplicaStore } from '../redis/replica.store.js';
import { Shards } from '../redis/shards.js';
import { WritesStore } from '../redis/writes.store.js';
import { CacheMetrics } from '../statistics/cache-metrics.js';
import { Statistics } from '../statistics/statistics.js';
import { NODE_NEAR_BYTES, RENEW_MS } from './coherence.rules.js';
import { NearCaches } from './near-caches.js';
import { Replica } from './replica.js';
import { ReplicaSync } from './replica-sync.js';

/** Bytes of all near caches of this process together. Default: {@link NODE_NEAR_BYTES}. */
export const NEAR_CACHE_BYTES = Symbol('NEAR_CACHE_BYTES');

/** What this node holds of each shard. They share its memory, and nothing else: a shard that is away holds up no other. */
@Injectable()
export class Replicas implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Replicas.name);
  private readonly upkeep = new Loop(async () => this.maintain(), RENEW_MS, this.logger);
  private readonly nears: NearCaches<Replica>;
  private readonly all: readonly ReplicaSync[];
  private incarnations = 0;

  constructor(
    private readonly shards: Shards,
    private readonly instances: Instances,
    private readonly membership: Membership,
    private readonly identity: ProcessIdentity,
    store: ReplicaStore,
    writes: WritesStore,
    metrics: CacheMetrics,
    events: EventLog,
    statistics: Statistics,
    tenants: Tenants,
    @Optional() @Inject(NEAR_CACHE_BYTES) nearCacheBytes = NODE_NEAR_BYTES,
  ) {
    this.nears = new NearCaches(nearCacheBytes, tenants);
    metrics.showNearCaches(() => this.nears.held);
    const means = {
      ...{ store, writes, metrics, events },
      logger: this.logger,
      newIncarnation: () => this.newIncarnation(),
    };
    this.all = shards.all.map((shard) => {
      const replica = new Replica(this.nears, (cache, name) => {
        statistics.count(cache, name);
        metrics[name].inc();
      });
      return new ReplicaSync(shard, replica, means);
    });
  }

  onApplicationBootstrap(): void {
    this.instances.ended.subscribe(({ index }) => this.all[index]?.forget());
    this.upkeep.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.upkeep.stop();
    await Promise.all(this.all.map((sync) => sync.stop()));
  }

  /** Of the shard of a cache. */
  of(cache: string): ReplicaSync {
    return this.all[this.shards.of(cache).index] as ReplicaSync;
  }

  /** What the near caches may answer with at this moment, see {@link Replica.lookUp}. @param now this moment */
  lookUp(cache: string, key: string, now: number): HeldEntry | null | undefined {
    const held = this.nears.of(cache);
    const replica = held?.owner ?? this.of(cache).replica;
    return replica.lookUp(cache, key, held?.near, now);
  }

  /** Entries and bytes that the near cache of a cache holds, and whether it may serve them. */
  describe(cache: string): { readonly entries: number; readonly bytes: number; readonly leased: boolean } {
    const near = this.nears.of(cache)?.near;
    return {
      entries: near?.count ?? 0,
      bytes: near?.bytes ?? 0,
      leased: this.of(cache).replica.isLeased,
    };
  }

  private maintain(): void {
    const now = performance.now();
    this.nears.dropUnused(now);
    for (const sync of this.all) sync.maintain(now);
  }

  private newIncarnation(): string {
    this.incarnations += 1;
    return `${this.membership.nodeId}#${this.identity.id}.${this.incarnations}`;
  }
}
