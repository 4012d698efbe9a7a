import { Module } from '@nestjs/common';
import { CachesModule } from '@syncline/caches';
import { LiveController, Overview } from '@syncline/http';
import { BatchesController } from './batches.controller.js';
import { CacheOverview } from './cache.overview.js';
import { CachesController } from './caches.controller.js';
import { CoherenceController } from './coherence.controller.js';
import { EntriesController } from './entries.controller.js';
import { FillsController } from './fills.controller.js';

/** The routes of a cache node. */
@Module({
  imports: [CachesModule],
  controllers: [
    BatchesController,
    CachesController,
    CoherenceController,
    EntriesController,
    FillsController,
    LiveController,
  ],
  providers: [{ provide: Overview, useClass: CacheOverview }],
})
export class CacheModule {}
