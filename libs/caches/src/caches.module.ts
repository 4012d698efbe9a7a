import { Module } from '@nestjs/common';
import { CachesService } from './caches/caches.service.js';
import { Sweeper } from './caches/sweeper.js';
import { HintsListener } from './coherence/hints.listener.js';
import { PendingWrites } from './coherence/pending-writes.js';
import { Replicas } from './coherence/replicas.js';
import { BatchReader } from './entries/batch-reader.js';
import { EntriesService } from './entries/entries.service.js';
import { Reader } from './entries/reader.js';
import { Writer } from './entries/writer.js';
import { FillLines } from './fills/fill-lines.js';
import { FillsService } from './fills/fills.service.js';
import { EntriesStore } from './redis/entries.store.js';
import { RedisLife } from './redis/redis-life.js';
import { CacheMetrics } from './statistics/cache-metrics.js';
import { Statistics } from './statistics/statistics.js';

/** The cache engine. Needs `RedisModule`, `RuntimeModule` and `ClusterModule`. */
@Module({
  controllers: [HintsListener],
  providers: [
    BatchReader,
    CacheMetrics,
    CachesService,
    FillLines,
    FillsService,
    Statistics,
    EntriesService,
    EntriesStore,
    PendingWrites,
    Reader,
    RedisLife,
    Replicas,
    Sweeper,
    Writer,
  ],
  exports: [BatchReader, CachesService, EntriesService, FillsService, Reader],
})
export class CachesModule {}
