import { Module } from '@nestjs/common';
import { BatchController } from './batch.controller.js';
import { EventsController } from './events.controller.js';
import { GrantsListener } from './grants.listener.js';
import { Heartbeat } from './heartbeat.js';
import { LeasesService } from './leases.service.js';
import { LeasesStore } from './leases.store.js';
import { LocksController } from './locks.controller.js';
import { SemaphoresController } from './semaphores.controller.js';
import { SessionsController } from './sessions.controller.js';
import { SessionsStore } from './sessions.store.js';
import { SetsController } from './sets.controller.js';
import { Waits } from './waits.js';
import { Watches } from './watches.js';

/** Leases of locks and semaphores. */
@Module({
  controllers: [
    SetsController,
    BatchController,
    LocksController,
    EventsController,
    SemaphoresController,
    SessionsController,
    GrantsListener,
  ],
  providers: [LeasesStore, LeasesService, SessionsStore, Waits, Heartbeat, Watches],
})
export class LeasesModule {}
