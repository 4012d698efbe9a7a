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
  private readonly nears: NearCaches;
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
    const count = (cache: string, name: 'evictions' | 'invalidations') => {
      statistics.count(cache, name);
      metrics[name].inc();
    };
    const on: ConstructorParameters<typeof Replica>[1] = {
      invalidated: (cache) => count(cache, 'invalidations'),
      evicted: (cache, key, fill, why) => {
        if (why === 'room') count(cache, 'evictions');
        this.of(cache, key).replica.onEvicted({ cache, key, fill });
      },
    };
    this.all = shards.all.map((shard) => {
      const replica = new Replica(this.nears, on);
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

  /** Of the shard of an entry. */
  of(cache: string, key: string): ReplicaSync {
    return this.in(this.shards.of(cache, key).index);
  }

  /** Of a shard, by its number. */
  in(shard: number): ReplicaSync {
    return this.all[shard] as ReplicaSync;
  }

  /**
   * What the near caches may answer with at this moment. Both conditions are read in this one turn, after the request
   * arrived: the entry is here, and its lease has not ended.
   *
   * @param now this moment
   * @returns null when there is no entry, undefined when only Redis can tell
   */
  lookUp(cache: string, key: string, now: number): HeldEntry | null | undefined {
    const entry = this.nears.of(cache)?.get(key, now);
    if (entry !== undefined) return entry.lease.serves(now) ? entry : undefined;
    return this.of(cache, key).replica.servesAbsence(cache, key, now) ? null : undefined;
  }

  /** Entries and bytes that the near cache of a cache holds, and whether it may serve them. */
  describe(cache: string): { readonly entries: number; readonly bytes: number; readonly leased: boolean } {
    const near = this.nears.of(cache);
    return {
      entries: near?.count ?? 0,
      bytes: near?.bytes ?? 0,
      leased: this.all.some(({ replica }) => replica.isLeased),
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
