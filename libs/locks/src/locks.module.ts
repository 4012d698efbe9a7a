import { Module } from '@nestjs/common';
import { Watches } from './events/watches.js';
import { LeasesService } from './lease/leases.service.js';
import { LeasesStore } from './redis/leases.store.js';
import { SessionsStore } from './redis/sessions.store.js';
import { GrantsListener } from './waiting/grants.listener.js';
import { Heartbeat } from './waiting/heartbeat.js';
import { Waits } from './waiting/waits.js';

/** The lock engine: leases of locks and semaphores. Needs `RedisModule`, `RuntimeModule` and `ClusterModule`. */
@Module({
  controllers: [GrantsListener],
  providers: [LeasesStore, LeasesService, SessionsStore, Waits, Heartbeat, Watches],
  exports: [LeasesStore, LeasesService, SessionsStore, Watches],
})
export class LocksModule {}
