import { Inject, Injectable } from '@nestjs/common';
import type { Reading, WatchedStream } from '@syncline/cluster';
import { REDIS, type RedisClient } from '@syncline/redis';
import { type LeaseEvent, watch } from './scripts/events.js';
import { Shards } from './shards.js';

/** What happened to locks, in Redis. */
@Injectable()
export class EventsStore {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly shards: Shards,
  ) {}

  /** Returns one reading for each resource, in their order. Those that share a shard are read together. */
  async read(resources: readonly WatchedStream[]): Promise<Reading<LeaseEvent>[]> {
    const byShard = new Map<number, WatchedStream[]>();
    for (const resource of resources) {
      const shard = this.shards.of(resource.key);
      byShard.set(shard, [...(byShard.get(shard) ?? []), resource]);
    }
    const readings = new Map<WatchedStream, Reading<LeaseEvent>>();
    await Promise.all(
      [...byShard].map(async ([shard, here]) => {
        const found = await watch(this.redis, { shard, resources: here });
        here.forEach((resource, i) => {
          readings.set(resource, found[i] as Reading<LeaseEvent>);
        });
      }),
    );
    return resources.map((resource) => readings.get(resource) as Reading<LeaseEvent>);
  }
}
