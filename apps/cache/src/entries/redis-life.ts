import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { NODE_CONFIG, type NodeConfig } from '@syncline/http';
import {
  REDIS,
  type RedisClient,
  StoreUnavailable,
  singleLifeConnection,
  storeError,
  UnknownLife,
} from '@syncline/redis';
import { Subject } from 'rxjs';
import { FORCE_AFTER_MS } from './coherence.rules.js';
import * as coherence from './scripts/coherence.scripts.js';
import * as entry from './scripts/entry.scripts.js';
import * as fills from './scripts/fill.scripts.js';
import { findLife, openCache, openLife } from './scripts/life.scripts.js';

const SCRIPTS = [...Object.values(coherence), ...Object.values(entry), ...Object.values(fills), openCache];
const TRIES = 3;
const MAX_OPENED = 10_000;

/**
 * One life of Redis: from a start of its process, or a loss of all its data, to the next. A near cache relies on
 * what Redis remembers of it, so its promises end with the life. Every script is bound to one life by its text,
 * which a Redis that started anew does not know; a new life opens when all leases of the one before are over.
 *
 * On a Redis Cluster there is no life and no near cache: every read goes to Redis.
 */
@Injectable()
export class RedisLife implements OnApplicationBootstrap {
  private readonly logger = new Logger(RedisLife.name);
  private readonly ends = new Subject<void>();
  private readonly opened = new Set<string>();
  private id: string | null = null;
  private finding: Promise<string> | null = null;

  /** The life ended: nothing that Redis was told before counts any more. */
  readonly ended = this.ends.asObservable();

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
  ) {}

  /** Finds the life while nobody waits for it yet. */
  onApplicationBootstrap(): void {
    if (!this.exists) return;
    this.find().catch((error: unknown) => {
      // Redis is away: the first request that finds it back looks again.
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
    });
  }

  /** False on a Redis Cluster. */
  get exists(): boolean {
    return !this.redis.isCluster;
  }

  /**
   * Calls scripts of a cache in the life that Redis is in. A script that Redis does not know did not run, so it is
   * called again in the life that is found then.
   *
   * @throws StoreUnavailable
   */
  async within<T>(cache: string, call: (life: string | null) => Promise<T>): Promise<T> {
    if (!this.exists) return call(null);
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const life = this.id ?? (await this.find());
      try {
        if (!this.opened.has(cache)) await this.open(cache, life);
        return await call(life);
      } catch (error) {
        if (!(error instanceof UnknownLife)) throw error;
        this.end(life);
      }
    }
    throw new StoreUnavailable('Redis started anew several times.');
  }

  private async open(cache: string, life: string): Promise<void> {
    await openCache(this.redis, { cache, life });
    if (this.opened.size >= MAX_OPENED) this.opened.clear();
    this.opened.add(cache);
  }

  private end(life: string): void {
    if (this.id !== life) return;
    this.id = null;
    this.opened.clear();
    this.ends.next();
  }

  private find(): Promise<string> {
    this.finding ??= this.findOrBegin().finally(() => {
      this.finding = null;
    });
    return this.finding;
  }

  private async findOrBegin(): Promise<string> {
    const connection = singleLifeConnection(this.config.redisUrl, `${this.config.nodeId}:life`);
    // What goes wrong here reaches the caller; without a listener ioredis would print it as well.
    connection.on('error', () => {});
    try {
      await connection.connect();
      const info = await connection.info('server', 'persistence');
      const runId = /^run_id:(\w+)/m.exec(info)?.[1] ?? '';
      const durable = /^aof_enabled:1/m.test(info) && (await syncsAlways(connection));
      const { id, open } = await findLife(connection, { runId, newId: randomUUID(), durable });
      await Promise.all(SCRIPTS.map((script) => connection.script('LOAD', script.textOf(id))));
      if (!open) {
        this.logger.log('Redis started anew: waiting until every lease of its former life is over');
        await sleep(FORCE_AFTER_MS);
        if (!(await openLife(connection, { id }))) throw new StoreUnavailable('Redis started anew again.');
      }
      this.id = id;
      return id;
    } catch (error) {
      throw storeError(error);
    } finally {
      connection.disconnect();
    }
  }
}

/** True when Redis answers a write only after it is on disk. A Redis that does not tell is taken for one that does not. */
async function syncsAlways(connection: RedisClient): Promise<boolean> {
  try {
    const [, value] = (await connection.config('GET', 'appendfsync')) as string[];
    return value === 'always';
  } catch {
    return false;
  }
}
