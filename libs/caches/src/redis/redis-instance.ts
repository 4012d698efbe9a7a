import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import {
  isReplyError,
  type LibraryCommand,
  REDIS,
  REDIS_OPTIONS,
  type RedisClient,
  type RedisModuleOptions,
  SeenNumbers,
  StoreUnavailable,
  singleLifeConnection,
  storeError,
  UnknownInstance,
  whenReady,
} from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import { Subject } from 'rxjs';
import { FORCE_AFTER_MS } from '../coherence/coherence.rules.js';
import { isSamePrimary, type Primary, primaryBehind, syncsAlways } from './primary.js';
import { findInstance, openCache, openInstance } from './scripts/instance.commands.js';
import { type InInstance, library, type OfCache } from './scripts/library.js';

const TRIES = 3;
/** The process behind the connection, and how it keeps its data, are looked at so often. */
const LOOK_MS = 5_000;

interface Instance {
  readonly id: string;
  readonly durable: boolean;
  readonly primary: Primary;
}

/**
 * The Redis instance that the caches are in: one process of Redis while it is the primary, until it ends, is one no more,
 * or loses its data. A near cache relies on what Redis remembers of it, so its promises end with the instance. A new one
 * opens when all leases of the one before are over. See `docs/decisions/cache-redis-instance.md`.
 *
 * On a Redis Cluster there is no instance and no near cache: every read goes to Redis.
 */
@Injectable()
export class RedisInstance implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(RedisInstance.name);
  private readonly looks = new Loop(() => this.look(), LOOK_MS, this.logger);
  private readonly ends = new Subject<void>();
  /** The last one that was found. */
  private known: Instance | null = null;
  /** Nothing says that Redis does not know it any more. */
  private entered = false;
  /** The process behind the connection as it stands is the one that was found. */
  private verified = false;
  private verifying: Promise<string> | null = null;
  private readonly onReady = () => {
    if (this.known !== null && !this.verified) void this.looks.run();
  };

  /** The instance ended: nothing that Redis was told before counts any more. */
  readonly ended = this.ends.asObservable();

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    @Inject(REDIS_OPTIONS) private readonly options: RedisModuleOptions,
    private readonly versions: SeenNumbers,
    membership: Membership,
  ) {
    membership.uses(library);
    redis.on('close', () => {
      this.verified = false;
    });
    // Nobody may ask for anything here, and yet this node alone may know the newest version.
    redis.on('ready', this.onReady);
  }

  /** Finds the instance while nobody waits for it yet. */
  onApplicationBootstrap(): void {
    if (this.exists) this.looks.start(0);
  }

  async onModuleDestroy(): Promise<void> {
    this.redis.off('ready', this.onReady);
    await this.looks.stop();
  }

  /** False on a Redis Cluster. */
  get exists(): boolean {
    return !this.redis.isCluster;
  }

  /**
   * A command of a cache, called in the instance that Redis is. Where Redis does not know that instance nothing ran, so it
   * is called again in the one that is found then.
   *
   * @throws StoreUnavailable
   */
  ofCache<Input extends OfCache, Reply>(command: LibraryCommand<Input, Reply>) {
    return (cache: string, input: Omit<Input, keyof OfCache>): Promise<Reply> => {
      const call = (instance: string | null) => command(this.redis, { ...input, cache, instance } as Input);
      return this.exists ? this.run((instance) => this.opening(cache, instance, call)) : call(null);
    };
  }

  /** The same for a command that concerns no single cache. Not on a Redis Cluster. */
  ofAll<Input extends InInstance, Reply>(command: LibraryCommand<Input, Reply>) {
    return (input: Omit<Input, keyof InInstance>): Promise<Reply> =>
      this.run((instance) => command(this.redis, { ...input, instance } as Input));
  }

  private async run<T>(call: (instance: string) => Promise<T>): Promise<T> {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const isSure = this.entered && this.verified && this.redis.status === 'ready';
      const instance = isSure && this.known !== null ? this.known.id : await this.current();
      try {
        return await call(instance);
      } catch (error) {
        // It was made a replica: when it is a primary again, it is another instance, whose data may be older.
        if (isReadOnly(error)) this.verified = false;
        if (!(error instanceof UnknownInstance)) throw error;
        if (this.known?.id === instance) this.entered = false;
      }
    }
    throw new StoreUnavailable('Redis lost its data several times.');
  }

  /** The first call that meets a cache of an earlier instance brings it into this one. */
  private async opening<T>(
    cache: string,
    instance: string,
    call: (instance: string) => Promise<T>,
  ): Promise<T> {
    try {
      return await call(instance);
    } catch (error) {
      if (!isReplyError(error) || !error.message.startsWith('UNOPENED')) throw error;
      await openCache(this.redis, { cache, instance });
      return call(instance);
    }
  }

  private current(): Promise<string> {
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
      if (isSamePrimary(primary, await primaryBehind(this.redis))) {
        this.verified = true;
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
    if (before !== null && before.id !== found.id) this.ends.next();
    return found;
  }

  private async find(): Promise<Instance> {
    const connection = singleLifeConnection(this.options, `${this.options.connectionName}:instance`);
    // What goes wrong here reaches the caller; without a listener ioredis would print it as well.
    connection.on('error', () => {});
    try {
      await connection.connect();
      const primary = await primaryBehind(connection);
      const durable = await syncsAlways(connection);
      const { id, open } = await findInstance(connection, {
        ...primary,
        durable,
        newId: randomUUID(),
        seenVersion: this.versions.of(0),
      });
      if (!open) {
        this.logger.log('Redis is another instance: waiting until every lease of the one before is over');
        await sleep(FORCE_AFTER_MS);
        if (!(await openInstance(connection, { id })))
          throw new StoreUnavailable('Redis lost its data again.');
      }
      await library.enter(connection, this.redis, id);
      return { id, durable, primary };
    } catch (error) {
      throw storeError(error);
    } finally {
      connection.disconnect();
    }
  }

  /**
   * Notices a process that was no primary meanwhile though its connections stood; and a configuration that was changed at
   * run time, which ends what the instance could promise to the next one, but not the instance.
   */
  private async look(): Promise<void> {
    const { known, entered } = this;
    if (known === null || !entered) {
      await this.current();
    } else if (!isSamePrimary(known.primary, await primaryBehind(this.redis))) {
      this.entered = false;
      await this.current();
    } else if (known.durable && !(await syncsAlways(this.redis))) {
      await this.enter();
    }
  }
}

const isReadOnly = (error: unknown): boolean =>
  error instanceof StoreUnavailable &&
  isReplyError(error.cause) &&
  error.cause.message.startsWith('READONLY');
