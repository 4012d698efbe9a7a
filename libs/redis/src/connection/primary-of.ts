import { Cluster, type Redis } from 'ioredis';
import { StoreUnavailable } from '../store-unavailable.js';
import type { RedisClient } from './connection.js';
import { primaryOf, slotOf } from './primary.js';
import type { Address } from './redis-url.js';

/**
 * The way to the primary that has a key. On a Redis Cluster it changes when the slot of the key moves, and each
 * connection there has one life; elsewhere it is always the same connection, which is made again when it breaks.
 */
export class PrimaryOf {
  private readonly slot: number;
  private known: { readonly at: string | undefined; readonly connection: Redis } | undefined;

  constructor(
    private readonly redis: RedisClient,
    private readonly key: string,
  ) {
    this.slot = slotOf(redis, key) ?? 0;
  }

  /** Where the next command about the key is sent to; undefined while no primary is known to have it. */
  get connection(): Redis | undefined {
    const { redis, known } = this;
    if (!(redis instanceof Cluster)) return redis;
    const at = redis.slots[this.slot]?.[0];
    if (known?.at === at && known?.connection.status === 'ready') return known?.connection;
    const connection = primaryOf(redis, this.key);
    this.known = connection && { at, connection };
    return connection;
  }

  /**
   * The connection, after the slots were looked up again if no primary is known.
   *
   * @throws StoreUnavailable
   */
  async find(): Promise<Redis> {
    if (this.connection === undefined) await this.lookUpSlots();
    const { connection } = this;
    if (connection === undefined)
      throw new StoreUnavailable('No primary has this part of the Redis Cluster.');
    return connection;
  }

  /** Asks the Redis Cluster which primary has which slot. */
  lookUpSlots(): Promise<void> {
    const { redis } = this;
    if (!(redis instanceof Cluster)) return Promise.resolve();
    return new Promise((resolve) => redis.refreshSlotsCache(() => resolve()));
  }

  /** Where such a connection leads to; undefined where that is what `REDIS_URL` says. */
  addressOf({ options: { host, port } }: Redis): Address | undefined {
    return this.redis.isCluster && host !== undefined && port !== undefined ? { host, port } : undefined;
  }
}
