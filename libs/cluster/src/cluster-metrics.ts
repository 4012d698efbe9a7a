import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { REDIS, type RedisClient, scriptDurations } from '@syncline/redis';
import { exposeDurations, Metrics } from '@syncline/runtime';
import { Counter, Gauge } from 'prom-client';
import { Membership } from './membership.js';

/** How this node stands to its cluster and to Redis, in `/metrics`. */
@Injectable()
export class ClusterMetrics implements OnModuleDestroy {
  private readonly onReady: () => void;

  constructor(
    membership: Membership,
    @Inject(REDIS) private readonly redis: RedisClient,
    { registry }: Metrics,
  ) {
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    gauge('cluster_members', 'Members of the role that this node knows of', () => membership.nodeIds.length);
    gauge('cluster_is_member', '1 while this node is a member, else 0', () => Number(membership.isMember));
    gauge('cluster_ring_share', 'Part of all keys whose timers this node runs, 0 to 1', () =>
      membership.isMember ? membership.ring.share(membership.nodeId) : 0,
    );
    exposeDurations(registry, {
      name: 'redis_script_duration_seconds',
      help: 'Time from the call of a script to the reply of Redis, by script',
      read: function* () {
        for (const [script, durations] of scriptDurations)
          if (durations.totalS > 0) yield [{ script }, durations];
      },
    });
    const connections = new Counter({
      name: 'redis_connections_total',
      help: 'Times that this node was connected to Redis: beyond the first, reconnects',
      registers: [registry],
    });
    this.onReady = () => connections.inc();
    redis.on('ready', this.onReady);
  }

  onModuleDestroy(): void {
    this.redis.off('ready', this.onReady);
  }
}
