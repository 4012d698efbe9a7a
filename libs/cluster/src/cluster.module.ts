import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ClusterListener } from './cluster.listener.js';
import { CLUSTER_OPTIONS, type ClusterOptions } from './cluster.options.js';
import { ClusterMetrics } from './cluster-metrics.js';
import { EventLog } from './events/event-log.js';
import { EventsListener } from './events/events.listener.js';
import { RoleEvents } from './events/role-events.js';
import { Membership } from './membership.js';
import { NodeDirectory } from './node-directory.js';
import { RecentMembers } from './recent-members.js';
import { RedisWatch } from './redis-watch.js';

/** Membership, hash ring and hints of a node. */
@Global()
@Module({})
export class ClusterModule {
  static forRoot(options: ClusterOptions): DynamicModule {
    return {
      module: ClusterModule,
      controllers: [ClusterListener, EventsListener],
      providers: [
        { provide: CLUSTER_OPTIONS, useValue: options },
        Membership,
        NodeDirectory,
        RecentMembers,
        RedisWatch,
        ClusterMetrics,
        EventLog,
        RoleEvents,
      ],
      exports: [Membership, NodeDirectory, RecentMembers, RedisWatch, EventLog, RoleEvents],
    };
  }
}
