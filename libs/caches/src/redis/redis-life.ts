import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import {
  logUnlessAway,
  REDIS,
  REDIS_OPTIONS,
  type RedisClient,
  type RedisModuleOptions,
  StoreUnavailable,
  singleLifeConnection,
  storeError,
  UnknownLife,
} from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import { Subject } from 'rxjs';
import { FORCE_AFTER_MS } from '../coherence/coherence.rules.js';
import * as coherence from './scripts/coherence.scripts.js';
import * as entry from './scripts/entry.scripts.js';
import * as fills from './scripts/fill.scripts.js';
import { findLife, openCache, openLife } from './scripts/life.scripts.js';

const SCRIPTS = [...Object.values(coherence), ...Object.values(entry), ...Object.values(fills), openCache];
const TRIES = 3;
const MAX_OPENED = 10_000;
/** A life that is durable is looked at so often, in case the configuration of Redis was changed. */
const LOOK_MS = 5_000;

type Call<Input, Reply> = (redis: RedisClient, input: Input) => Promise<Reply>;

/**
 * One life of Redis: from a start of its process, or a loss of all its data, to the next. A near cache relies on
 * what Redis remembers of it, so its promises end with the life. Every script is bound to one life by its text,
 * which a Redis that started anew does not know; a new life opens when all leases of the one before are over.
 *
 * On a Redis Cluster there is no life and no near cache: every read goes to Redis.
 */
@Injectable()
export class RedisLife implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(RedisLife.name);
  private readonly ends = new Subject<void>();
  private readonly opened = new Set<string>();
  private id: string | null = null;
  private finding: Promise<string> | null = null;
  private durable = false;
  private readonly looks = new Loop(() => this.lookAtDurability(), LOOK_MS, this.logger);

  /** The life ended: nothing that Redis was told before counts any more. */
  readonly ended = this.ends.asObservable();

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    @Inject(REDIS_OPTIONS) private readonly options: RedisModuleOptions,
  ) {}

  /** Finds the life while nobody waits for it yet. */
  onApplicationBootstrap(): void {
    if (!this.exists) return;
    this.looks.start();
    // When Redis is away, the first request that finds it back looks again.
    this.find().catch(logUnlessAway(this.logger));
  }

  async onModuleDestroy(): Promise<void> {
    await this.looks.stop();
  }

  /** False on a Redis Cluster. */
  get exists(): boolean {
    return !this.redis.isCluster;
  }

  /** A script of a cache, called in the life that Redis is in. */
  ofCache<Input extends coherence.InLife, Reply>(script: Call<Input, Reply>) {
    return (cache: string, input: Omit<Input, keyof coherence.InLife>): Promise<Reply> =>
      this.within(cache, (life) => script(this.redis, { ...input, cache, life } as Input));
  }

  /** The same for a script that concerns no single cache. Not on a Redis Cluster. */
  ofNode<Input extends coherence.OfNode, Reply>(script: Call<Input, Reply>) {
    return (input: Omit<Input, keyof coherence.OfNode>): Promise<Reply> =>
      this.run((life) => script(this.redis, { ...input, life } as Input));
  }

  /**
   * Calls scripts of a cache in the life that Redis is in. A script that Redis does not know did not run, so it is
   * called again in the life that is found then.
   *
   * @throws StoreUnavailable
   */
  private async within<T>(cache: string, call: (life: string | null) => Promise<T>): Promise<T> {
    if (!this.exists) return call(null);
    return this.run(async (life) => {
      if (!this.opened.has(cache)) await this.open(cache, life);
      return call(life);
    });
  }

  /** The same for scripts that concern no single cache. Not on a Redis Cluster. */
  private async run<T>(call: (life: string) => Promise<T>): Promise<T> {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const life = this.id ?? (await this.find());
      try {
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
    const connection = singleLifeConnection(this.options, `${this.options.connectionName}:life`);
    // What goes wrong here reaches the caller; without a listener ioredis would print it as well.
    connection.on('error', () => {});
    try {
      await connection.connect();
      const info = await connection.info('server', 'persistence', 'replication');
      const runId = /^run_id:(\w+)/m.exec(info)?.[1] ?? '';
      const durable = await syncsAlways(connection);
      // A replica that was promoted tells whose data it has: not all that its primary had acknowledged.
      const fromOwnDisk = /^role:master/m.test(info) && /^master_replid2:0*\r?$/m.test(info);
      const { id, open } = await findLife(connection, { runId, newId: randomUUID(), durable, fromOwnDisk });
      this.durable = durable;
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

  /** A configuration that was changed at run time ends what the life promised, but not the life. */
  private async lookAtDurability(): Promise<void> {
    if (this.id !== null && this.durable && !(await syncsAlways(this.redis))) await this.find();
  }
}

/** True when Redis answers a write only after it is on disk. A Redis that does not tell is taken for one that does not. */
async function syncsAlways(connection: RedisClient): Promise<boolean> {
  try {
    const flat = (await connection.config(
      'GET',
      'appendfsync',
      'appendonly',
      'no-appendfsync-on-rewrite',
    )) as string[];
    const settings = Object.fromEntries(
      flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])),
    );
    return (
      settings.appendfsync === 'always' &&
      settings.appendonly === 'yes' &&
      settings['no-appendfsync-on-rewrite'] === 'no'
    );
  } catch {
    return false;
  }
}
