import { randomUUID } from 'node:crypto';
import { commandConnection, type RedisClient } from '@syncline/redis';
import { RedisServer } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { type Conditions, UNCONDITIONAL } from '../../libs/caches/src/entries/entry.js';
import { sharedKey } from '../../libs/caches/src/redis/caches.keys.js';
import type { Operation } from '../../libs/caches/src/redis/operations.js';
import * as operations from '../../libs/caches/src/redis/operations.js';
import * as coherence from '../../libs/caches/src/redis/scripts/coherence.commands.js';
import * as entries from '../../libs/caches/src/redis/scripts/entry.commands.js';
import * as fills from '../../libs/caches/src/redis/scripts/fill.commands.js';
import * as instances from '../../libs/caches/src/redis/scripts/instance.commands.js';
import { library } from '../../libs/caches/src/redis/scripts/library.js';
import type { Shard } from '../../libs/caches/src/redis/shards.js';

/** It holds values of at most 1,000 bytes: 1 % of what it has. */
export const READER = { room: 100_000, absences: true };
const INSTANCE = 'first';
const SHARD: Shard = { index: 0, key: sharedKey(null) };

export interface PutMore extends Partial<Conditions> {
  readonly ttlMs?: number;
  readonly tags?: readonly string[];
}

export const put = (key: string, value: string, { ttlMs, tags, ...conditions }: PutMore = {}) => {
  const entry = { bytes: Buffer.from(value), contentType: 'text/plain', ttlMs, tags };
  return operations.put(key, entry, { ...UNCONDITIONAL, ...conditions });
};
export const remove = (key: string) => operations.remove(key, UNCONDITIONAL);
export const add = (key: string, by: number) => operations.increment(key, by, undefined);

/** How Redis is made to run Lua: as functions, or as scripts for a user who may not call functions. */
export const MEANS = ['functions', 'scripts'] as const;
export type Means = (typeof MEANS)[number];

/** A Redis in an instance of its own, and what nodes would ask of it about one cache. */
export class CacheStage {
  private constructor(
    readonly server: RedisServer,
    readonly redis: RedisClient,
    readonly admin: Redis,
    readonly cache: string,
  ) {}

  static async start(means: Means = 'functions'): Promise<CacheStage> {
    const rights = means === 'functions' ? [] : ['-fcall', '-function'];
    const user = ['--user', 'tester', 'on', '>secret', '~*', '&*', '+@all', ...rights];
    const server = await RedisServer.start({ args: user });
    const redis = commandConnection(server.url.replace('redis://', 'redis://tester:secret@'), 'test');
    await redis.connect();
    const stage = new CacheStage(server, redis, server.connect(), 'c');
    await stage.begin();
    return stage;
  }

  async stop(): Promise<void> {
    this.redis.disconnect();
    this.admin.disconnect();
    await this.server.stop();
  }

  /** Loses all data, and begins the instance again. */
  async begin(): Promise<void> {
    await this.admin.flushall();
    const process = {
      runId: 'run',
      replicationId: 'replication',
      isFirst: true,
      clusterNode: '',
      shard: SHARD,
    };
    await instances.findInstance(this.redis, { ...process, durable: false, newId: INSTANCE, seenVersion: 0 });
    await instances.openInstance(this.redis, { shard: SHARD, id: INSTANCE });
    await library.enter(this.redis as Redis, this.redis, { instance: INSTANCE, scope: SHARD.key });
  }

  /** The same Redis, for what is asked about another cache. */
  of(cache: string): CacheStage {
    return new CacheStage(this.server, this.redis, this.admin, cache);
  }

  get ofCache() {
    return { ...this.ofShard, cache: this.cache };
  }

  get ofShard() {
    return { shard: SHARD, instance: INSTANCE };
  }

  prepare(
    operation: Operation<unknown>,
    more: { id?: string; incarnation?: string; lastFill?: number; makes?: boolean } = {},
  ): Promise<coherence.Prepared> {
    const { id = randomUUID(), incarnation = '', lastFill = 0, makes = true } = more;
    const sender = { id, node: 'writer', incarnation, lastFill, remembered: more.id !== undefined };
    const command = operation.grows ? coherence.store : coherence.change;
    return command(this.redis, { ...this.ofCache, ...sender, makes, operation });
  }

  /** Does an operation that waits for nobody. */
  async write(operation: Operation<unknown>, more: { id?: string } = {}): Promise<readonly string[]> {
    const prepared = await this.prepare(operation, more);
    if (prepared.state !== 'done') throw new Error(`${operation.args}: ${JSON.stringify(prepared)}`);
    return prepared.outcome;
  }

  /** Begins a write that must wait. */
  async begun(operation: Operation<unknown>, more: { incarnation?: string; lastFill?: number } = {}) {
    const id = randomUUID();
    const prepared = await this.prepare(operation, { ...more, id });
    if (prepared.state !== 'pending') throw new Error(`${operation.args}: ${JSON.stringify(prepared)}`);
    return { ...prepared.round, outcome: () => this.outcomeOf(id) };
  }

  async outcomeOf(id: string): Promise<readonly string[] | undefined> {
    return (await coherence.outcomes(this.redis, { ...this.ofCache, ids: [id] }))[0];
  }

  read(key: string, incarnation = '', fill = 1) {
    return entries.fill(this.redis, { ...this.ofCache, ...READER, key, incarnation, fill });
  }

  async stored(key: string): Promise<string | null> {
    return (await this.read(key)).entry?.bytes.toString() ?? null;
  }

  join(incarnation: string): Promise<void> {
    return coherence.join(this.redis, { ...this.ofShard, incarnation });
  }

  leave(incarnation: string): Promise<void> {
    return coherence.leave(this.redis, { ...this.ofShard, incarnation });
  }

  acknowledge(incarnation: string, seen: number): Promise<boolean> {
    return coherence.acknowledge(this.redis, { ...this.ofShard, incarnation, seen });
  }

  /** @param evicted keys and numbers of fills */
  renew(incarnation: string, seen = 0, evicted: readonly (readonly [string, number])[] = []) {
    return coherence.renew(this.redis, {
      ...{ ...this.ofShard, incarnation, seen, stuckAfterMs: 0 },
      evicted: evicted.map(([key, fill]) => ({ cache: this.cache, key, fill })),
    });
  }

  /** What an incarnation has not acknowledged yet. */
  async missed(incarnation: string, seen = 0): Promise<string[] | undefined> {
    const reply = await this.renew(incarnation, seen);
    return reply?.missed.map(({ register: { kind, name } }) => `${kind} ${name}`);
  }

  force({ register, round, sharers }: coherence.Round): Promise<boolean> {
    return coherence.force(this.redis, { ...this.ofCache, register, round, sharers });
  }

  lease(key: string, id: string) {
    return fills.leaseFill(this.redis, {
      ...this.ofCache,
      ...{ ...READER, key, incarnation: '', fill: 0 },
      ...{ lease: id, leaseMs: 10_000, tags: [], node: 'reader', waits: true, othersWait: false },
    });
  }

  freeLeases(...keys: readonly string[]): Promise<string[]> {
    return fills.freeLeases(this.redis, { ...this.ofCache, keys });
  }
}
