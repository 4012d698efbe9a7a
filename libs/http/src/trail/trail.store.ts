import { Inject, Injectable } from '@nestjs/common';
import type { Audit, AuditEntry } from '@syncline/contracts';
import { REDIS, type RedisClient, storeError, whenReady } from '@syncline/redis';
import { NODE_CONFIG, type NodeConfig } from '../node/node.config.js';

/** About so many entries are kept: some 5 MB. */
const MOST_ENTRIES = 10_000;

/** The stream in Redis that all nodes of a role write their trail to. */
@Injectable()
export class TrailStore {
  private readonly key: string;

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    @Inject(NODE_CONFIG) { role }: NodeConfig,
  ) {
    this.key = `syncline:{audit:${role}}`;
  }

  /** Fails at once when Redis is away. */
  async append(entries: readonly AuditEntry[]): Promise<void> {
    if (this.redis.status !== 'ready') throw new Error('Redis is away.');
    await Promise.all(
      entries.map((entry) =>
        this.redis.xadd(this.key, 'MAXLEN', '~', MOST_ENTRIES, '*', 'entry', JSON.stringify(entry)),
      ),
    );
  }

  /**
   * @param cursor of the page before; undefined: the newest
   * @throws StoreUnavailable
   */
  async page(cursor: string | undefined, limit: number): Promise<Audit> {
    try {
      if (this.redis.status !== 'ready') await whenReady(this.redis);
      const to = cursor === undefined ? '+' : `(${cursor}`;
      const found = await this.redis.xrevrange(this.key, to, '-', 'COUNT', limit);
      return {
        entries: found.map(([, [, text = '']]) => JSON.parse(text)),
        cursor: found.length < limit ? null : (found.at(-1)?.[0] ?? null),
      };
    } catch (error) {
      throw storeError(error);
    }
  }
}
