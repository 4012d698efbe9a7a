import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import type { Durability } from '@syncline/contracts';
import { SeenNumbers } from '@syncline/redis';
import { EventsListener } from './events/events.listener.js';
import { Watches } from './events/watches.js';
import { LeasesService } from './lease/leases.service.js';
import { LockMetrics } from './lease/lock-metrics.js';
import { LocksService } from './locks/locks.service.js';
import { Memory } from './recovery/memory.js';
import { RecoveryListener } from './recovery/recovery.listener.js';
import { DeadlocksStore } from './redis/deadlocks.store.js';
import { EventsStore } from './redis/events.store.js';
import { HeldReplies, LOCK_DURABILITY } from './redis/held-replies.js';
import { LeasesStore } from './redis/leases.store.js';
import { LockQuotas } from './redis/lock-quotas.js';
import { ResourcesStore } from './redis/resources.store.js';
import { library } from './redis/scripts/lock-command.js';
import { SessionsStore } from './redis/sessions.store.js';
import { ShardCalls } from './redis/shard-calls.js';
import { Shards } from './redis/shards.js';
import { WaitsStore } from './redis/waits.store.js';
import { SemaphoresService } from './semaphores/semaphores.service.js';
import { SessionsService } from './sessions/sessions.service.js';
import { AbandonedRequests } from './waiting/abandoned-requests.js';
import { DeadlockSearch } from './waiting/deadlock-search.js';
import { GrantsListener } from './waiting/grants.listener.js';
import { Heartbeat } from './waiting/heartbeat.js';
import { WaitingService } from './waiting/waiting.service.js';
import { Waits } from './waiting/waits.js';

/** The lock engine: leases of locks and semaphores. Needs `RedisModule`, `RuntimeModule` and `ClusterModule`. */
@Module({
  controllers: [GrantsListener, EventsListener, RecoveryListener],
  providers: [
    LocksService,
    SemaphoresService,
    SessionsService,
    LeasesService,
    LockMetrics,
    WaitingService,
    Waits,
    AbandonedRequests,
    DeadlockSearch,
    Heartbeat,
    Watches,
    Shards,
    HeldReplies,
    SeenNumbers,
    Memory,
    ShardCalls,
    LockQuotas,
    LeasesStore,
    WaitsStore,
    ResourcesStore,
    SessionsStore,
    EventsStore,
    DeadlocksStore,
  ],
  exports: [LocksService, SemaphoresService, SessionsService, WaitingService, Watches],
})
export class LocksModule {
  constructor(membership: Membership) {
    membership.uses(library);
  }

  /** @param durability how safe a change of leases is when it is answered */
  static forRoot(durability: Pick<FactoryProvider<Durability>, 'inject' | 'useFactory'>): DynamicModule {
    return { module: LocksModule, providers: [{ provide: LOCK_DURABILITY, ...durability }] };
  }
}
