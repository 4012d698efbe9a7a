import { Module } from '@nestjs/common';
import { EntriesController } from './entries.controller.js';
import { EntriesService } from './entries.service.js';
import { EntriesStore } from './entries.store.js';
import { Sweeper } from './sweeper.js';

@Module({
  controllers: [EntriesController],
  providers: [EntriesService, EntriesStore, Sweeper],
})
export class EntriesModule {}
