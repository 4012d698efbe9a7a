import { type DynamicModule, Module } from '@nestjs/common';
import { SeenNumbers } from '@syncline/redis';
import { CachesService } from './caches/caches.service.js';
import { Sweeper } from './caches/sweeper.js';
import { HintsListener } from './coherence/hints.listener.js';
import { NearHitAudit } from './coherence/near-hit-audit.js';
import { PendingWrites } from './coherence/pending-writes.js';
import { NEAR_CACHE_BYTES, Replicas } from './coherence/replicas.js';
import { BatchReader } from './entries/batch-reader.js';
import { BatchesService } from './entries/batches.service.js';
import { EntriesService } from './entries/entries.service.js';
import { EntryBytes } from './entries/entry-bytes.js';
import { EntryList } from './entries/entry-list.js';
import { Reader } from './entries/reader.js';
import { Writer } from './entries/writer.js';
import { FillLines } from './fills/fill-lines.js';
import { FillsService } from './fills/fills.service.js';
import { CacheNames } from './redis/cache-names.js';
import { CachesStore } from './redis/caches.store.js';
import { EntriesStore } from './redis/entries.store.js';
import { FillsStore } from './redis/fills.store.js';
import { Instances } from './redis/instances.js';
import { ReplicaStore } from './redis/replica.store.js';
import { Shards } from './redis/shards.js';
import { WritesStore } from './redis/writes.store.js';
import { CacheMetrics } from './statistics/cache-metrics.js';
import { Statistics } from './statistics/statistics.js';

/** The cache engine. Needs `RedisModule`, `RuntimeModule` and `ClusterModule`. */
@Module({
  controllers: [HintsListener],
  providers: [
    BatchesService,
    BatchReader,
    CacheMetrics,
    CacheNames,
    CachesService,
    CachesStore,
    EntriesService,
    EntriesStore,
    EntryBytes,
    EntryList,
    FillLines,
    FillsService,
    FillsStore,
    Instances,
    NearHitAudit,
    PendingWrites,
    Reader,
    SeenNumbers,
    ReplicaStore,
    Replicas,
    Shards,
    Statistics,
    Sweeper,
    Writer,
    WritesStore,
  ],
  exports: [BatchesService, CachesService, EntriesService, FillsService],
})
export class CachesModule {
  /** @param bytes of all near caches of the process together */
  static withNearCaches(bytes: number): DynamicModule {
    return { module: CachesModule, providers: [{ provide: NEAR_CACHE_BYTES, useValue: bytes }] };
  }
}
