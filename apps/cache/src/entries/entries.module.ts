import { Module } from '@nestjs/common';
import { BatchReader } from './batch-reader.js';
import { BatchesController } from './batches.controller.js';
import { CacheMetrics } from './cache-metrics.js';
import { CachesController } from './caches.controller.js';
import { CachesService } from './caches.service.js';
import { EntriesController } from './entries.controller.js';
import { EntriesService } from './entries.service.js';
import { EntriesStore } from './entries.store.js';
import { FillLines } from './fill-lines.js';
import { FillsController } from './fills.controller.js';
import { FillsService } from './fills.service.js';
import { HintsController } from './hints.controller.js';
import { PendingWrites } from './pending-writes.js';
import { Reader } from './reader.js';
import { RedisLife } from './redis-life.js';
import { Replicas } from './replicas.js';
import { Statistics } from './statistics.js';
import { Sweeper } from './sweeper.js';
import { Writer } from './writer.js';

@Module({
  controllers: [BatchesController, CachesController, EntriesController, FillsController, HintsController],
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
})
export class EntriesModule {}
