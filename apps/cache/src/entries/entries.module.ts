import { Module } from '@nestjs/common';
import { CacheMetrics } from './cache-metrics.js';
import { EntriesController } from './entries.controller.js';
import { EntriesService } from './entries.service.js';
import { EntriesStore } from './entries.store.js';
import { HintsController } from './hints.controller.js';
import { PendingWrites } from './pending-writes.js';
import { Reader } from './reader.js';
import { RedisLife } from './redis-life.js';
import { Replicas } from './replicas.js';
import { Sweeper } from './sweeper.js';
import { Writer } from './writer.js';

@Module({
  controllers: [EntriesController, HintsController],
  providers: [
    CacheMetrics,
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
