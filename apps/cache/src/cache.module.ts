import { Module } from '@nestjs/common';
import { CachesModule } from '@syncline/caches';
import { BatchesController } from './batches.controller.js';
import { CachesController } from './caches.controller.js';
import { EntriesController } from './entries.controller.js';
import { FillsController } from './fills.controller.js';

/** The routes of a cache node. */
@Module({
  imports: [CachesModule],
  controllers: [BatchesController, CachesController, EntriesController, FillsController],
})
export class CacheModule {}
