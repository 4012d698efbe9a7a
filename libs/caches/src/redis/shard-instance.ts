import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@nestjs/common';
import {
  isReplyError,
  type LibraryCommand,
  PrimaryOf,
  type RedisClient,
  type RedisModuleOptions,
  type SeenNumbers,
  StoreUnavailable,
  singleLifeConnection,
  storeError,
  UnknownInstance,
  whenReady,
} from '@syncline/redis';
import type { Redis } from 'ioredis';
import { FORCE_AFTER_MS } from '../coherence/coherence.rules.js';
import { isSamePrimary, type Primary, primaryBehind, syncsAlways } from './primary.js';
import { findInstance, openCache, openInstance } from './scripts/instance.commands.js';
import { library, type OfPart, type OfShard } from './scripts/library.js';
import type { Shard } from './shards.js';

const TRIES = 3;
/** The id of an instance stands in each key of what a node may hold. */
const ID_BYTES = 12;

interface Instance {
  readonly id: string;
  readonly durable: boolean;
  readonly primary: Primary;
}

export interface Connected {
  readonly redis: RedisClient;
  readonly options: RedisModuleOptions;
  readonly versions: SeenNumbers;
}

/**
 * The Redis instance that the caches of a shard are in: one process of Redis while it is the primary of the shard, until it
 * ends, is that no more, or loses its data. A near cache relies on what Redis remembers of it, so its promises end with the
 * instance. A new one opens when all leases of the one before are over. See `docs/decisions/cache-redis-instance.md`.
 */
export class ShardInstance {
  private readonly redis: RedisClient;
  private readonly primary: PrimaryOf;
  /** The last one that was found. */
  private known: Instance | null = null;
  /** Nothing says that Redis does not know it any more. */
  private entered = false;
  /** Leads to the process that was found. Another socket may lead elsewhere. */
  private verified: Redis['stream'] | null = null;
  private verifying: Promise<string> | null = null;

  /** @param onEnded called when nothing counts any more that Redis was told before */
  constructor(
    readonly shard: Shard,
    private readonly connected: Connected,
    private readonly onEnded: () => void,
    private readonly logger: Logger,
  ) {
    this.redis = connected.redis;
    this.primary = new PrimaryOf(connected.redis, shard.key);
  }

  /** Where commands of the shard are sent to; undefined while no primary is known. */
  get connection(): Redis | undefined {
    return this.primary.connection;
  }

  /** It was found, and nothing that it acknowledged can have been lost. */
  get isDurable(): boolean {
    return this.known?.durable ?? false;
  }

  /**
   * Calls a command in the instance that Redis is. Where Redis does not know that instance nothing ran, so it is called
   * again in the one that is found then.
   *
   * @throws StoreUnavailable
   */
  call<Input extends OfShard, Reply>(
    command: LibraryCommand<Input, Reply>,
    input: Omit<Input, keyof OfShard>,
  ): Promise<Reply> {
    return this.run((instance) => command(this.redis, { ...input, shard: this.shard, instance } as Input));
  }

  /** The same for a command of a part of a cache. The first call that meets one of an earlier instance brings it into this one. */
  callOn<Input extends OfPart, Reply>(
    command: LibraryCommand<Input, Reply>,
    cache: string,
    input: Omit<Input, keyof OfPart>,
  ): Promise<Reply> {
    const { redis, shard } = this;
    return this.run(async (instance) => {
      const of = { shard, instance, cache };
      try {
        return await command(redis, { ...input, ...of } as Input);
      } catch (error) {
        if (!isReplyError(error) || !error.message.startsWith('UNOPENED')) throw error;
        await openCache(redis, of);
        return command(redis, { ...input, ...of } as Input);
      }
    });
  }

  private async run<T>(call: (instance: string) => Promise<T>): Promise<T> {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const instance = this.isSure && this.known !== null ? this.known.id : await this.current();
      try {
        return await call(instance);
      } catch (error) {
        // It was made a replica: when it is a primary again, it is another instance, whose data may be older.
        if (isReadOnly(error)) this.verified = null;
        if (!(error instanceof UnknownInstance)) throw error;
        if (this.known?.id === instance) this.entered = false;
      }
    }
    throw new StoreUnavailable('Redis lost its data several times.');
  }

  private get isSure(): boolean {
    const { connection } = this;
    return (
      this.entered &&
      this.verified !== null &&
      this.verified === connection?.stream &&
      connection.status === 'ready' &&
      this.redis.status === 'ready'
    );
  }

  /** Finds the instance, unless it is known. @throws StoreUnavailable */
  current(): Promise<string> {
    this.verifying ??= this.verify().finally(() => {
      this.verifying = null;
    });
    return this.verifying;
  }

  /** Commands go to the process behind our connection, so that is the one which must be the instance. */
  private async verify(): Promise<string> {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const { id, primary } = this.entered && this.known !== null ? this.known : await this.enter();
      if (this.redis.status !== 'ready') await whenReady(this.redis);
      const connection = await this.primary.find();
      const behind = await primaryBehind(connection);
      if (isSamePrimary(primary, behind)) {
        this.verified = connection.stream;
        return id;
      }
      this.entered = false;
    }
    throw new StoreUnavailable('The primary of Redis changes again and again.');
  }

  /** A Redis that lost its functions alone is the instance that it was: what it promised holds. */
  private async enter(): Promise<Instance> {
    const found = await this.find();
    const before = this.known;
    this.known = found;
    this.entered = true;
    if (before !== null && before.id !== found.id) this.onEnded();
    return found;
  }

  private async find(): Promise<Instance> {
    const { options } = this.connected;
    if (this.redis.status !== 'ready') await whenReady(this.redis);
    const address = this.primary.addressOf(await this.primary.find());
    const connection = singleLifeConnection(options, `${options.connectionName}:instance`, address);
    // What goes wrong here reaches the caller; without a listener ioredis would print it as well.
    connection.on('error', () => {});
    try {
      await connection.connect();
      return await this.findBehind(connection);
    } catch (error) {
      if (!isReplyError(error) || !error.message.startsWith('MOVED')) throw storeError(error);
      await this.primary.lookUpSlots();
      throw new StoreUnavailable('A part of the Redis Cluster has moved.', { cause: error });
    } finally {
      connection.disconnect();
    }
  }

  private async findBehind(connection: Redis): Promise<Instance> {
    const { shard } = this;
    const { versions } = this.connected;
    const primary = await primaryBehind(connection);
    const durable = await syncsAlways(connection);
    const { id, open } = await findInstance(connection, {
      ...{ ...primary, shard, durable },
      newId: randomBytes(ID_BYTES).toString('base64url'),
      seenVersion: versions.of(shard.index),
    });
    if (!open) {
      this.logger.log(
        `${shard.key}: Redis is another instance, waiting until every lease of the one before is over`,
      );
      await sleep(FORCE_AFTER_MS);
      if (!(await openInstance(connection, { shard, id })))
        throw new StoreUnavailable('Redis lost its data again.');
    }
    await library.enter(connection, this.redis, { instance: id, scope: shard.key });
    return { id, durable, primary };
  }

  /**
   * Compares the instance with what stands behind the connection now: a process that was no primary meanwhile though its
   * connections stood; and a configuration that was changed at run time, which ends what the instance could promise to the
   * next one, but not the instance.
   *
   * @param behind  the process at the end of the connection of the shard
   * @param durable whether it syncs each write
   */
  async compare(behind: Primary, durable: boolean): Promise<void> {
    const { known, entered } = this;
    if (known === null || !entered) {
      await this.current();
    } else if (!isSamePrimary(known.primary, behind)) {
      this.entered = false;
      await this.current();
    } else if (known.durable && !durable) {
      await this.enter();
    }
  }
}

const isReadOnly = (error: unknown): boolean =>
  error instanceof StoreUnavailable &&
  isReplyError(error.cause) &&
  error.cause.message.startsWith('READONLY');
