import { Module } from '@nestjs/common';
import { GrantsListener } from './grants.listener.js';
import { Heartbeat } from './heartbeat.js';
import { LeasesService } from './leases.service.js';
import { LeasesStore } from './leases.store.js';
import { LocksController } from './locks.controller.js';
import { Waits } from './waits.js';

/** Leases of locks and semaphores. */
@Module({
  controllers: [LocksController, GrantsListener],
  providers: [LeasesStore, LeasesService, Waits, Heartbeat],
})
export class LeasesModule {}
