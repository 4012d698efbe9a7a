import { Inject, Injectable } from '@nestjs/common';
import { Names, REDIS, type RedisClient } from '@syncline/redis';
import { queueKeys } from './queue.keys.js';

/** Slots of a Redis Cluster that have names of queues. */
const CLUSTER_PARTS = 16;

/** The names of all queues. A name stands here before its queue exists. */
@Injectable()
export class QueueNames extends Names {
  constructor(@Inject(REDIS) redis: RedisClient) {
    const parts = Array.from({ length: CLUSTER_PARTS }, (_, part) => queueKeys.names(part));
    const all = queueKeys.names(null);
    super(redis, redis.isCluster ? { parts, former: all } : { parts: [all], former: null });
  }
}
