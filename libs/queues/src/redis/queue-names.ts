import { Inject, Injectable } from '@nestjs/common';
import { Names, pageAfter, REDIS, type RedisClient, storeError } from '@syncline/redis';
import { queueKeys } from './queue.keys.js';
import { nameQueue } from './scripts/queue.js';

/** Slots of a Redis Cluster that have names of queues. */
const CLUSTER_PARTS = 16;

/** The names of all queues. A name stands here before its queue exists. */
@Injectable()
export class QueueNames extends Names {
  private readonly client: RedisClient;

  constructor(@Inject(REDIS) redis: RedisClient) {
    const parts = Array.from({ length: CLUSTER_PARTS }, (_, part) => queueKeys.names(part));
    const all = queueKeys.names(null);
    super(redis, redis.isCluster ? { parts, former: all } : { parts: [all], former: null });
    this.client = redis;
  }

  /** How many there are with a realm. */
  async count(realm: string, keys = this.keys): Promise<number> {
    const { from, to } = pageAfter(realm, null);
    const counts = await Promise.all(keys.map((key) => this.client.zlexcount(key, from, to))).catch(fail);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Adds a name, unless there are as many with its realm as there may be. Exact where all names lie in one place; on a Redis Cluster those
   * of other parts are counted just before.
   *
   * @returns false when there are so many
   */
  async addWithin(name: string, realm: string, most: number): Promise<boolean> {
    const { from, to } = pageAfter(realm, null);
    const names = this.keyOf(name);
    const elsewhere = await this.count(
      realm,
      this.keys.filter((key) => key !== names),
    );
    return nameQueue(this.client, { names, name, from, to, most: most - elsewhere });
  }
}

const fail = (error: unknown): never => {
  throw storeError(error);
};
