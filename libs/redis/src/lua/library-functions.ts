import { Cluster, Command } from 'ioredis';
import type { RedisClient } from '../connection/connection.js';
import { isReplyError, StoreUnavailable } from '../store-unavailable.js';
import { UnknownInstance } from '../unknown-instance.js';

/** So often is a call made whose functions are gone again as soon as they are loaded. */
const TRIES = 5;
/** A Redis that was too full to load a library is asked to again after this time. */
const FULL_MS = 1_000;

/** Nothing ran: this Redis takes no functions, by its rights or for now. Scripts do it. */
export const NO_FUNCTIONS = Symbol('no functions');

/** A library in each Redis that it is called on: loaded where it is missing, given up where it is refused. */
export class LibraryFunctions {
  /** Until when a connection is served by scripts, ms of this process. */
  private readonly scriptsUntil = new WeakMap<RedisClient, number>();
  /** What is being loaded: by connection, then by primary. */
  private readonly loads = new WeakMap<RedisClient, Map<string, Promise<number>>>();

  constructor(private readonly text: string) {}

  /**
   * Calls a function, and loads the library when Redis does not know it: that proves that nothing ran.
   *
   * @param key one of the keys of the call: on a Redis Cluster it tells the primary
   */
  async call(redis: RedisClient, key: string | undefined, fcall: () => Promise<unknown>): Promise<unknown> {
    if (this.usesScripts(redis)) return NO_FUNCTIONS;
    for (let tries = 1; ; tries += 1) {
      try {
        return await fcall();
      } catch (error) {
        if (!isMissing(error)) return this.refused(redis, error);
        if (tries === TRIES) {
          throw new StoreUnavailable('Redis loses its functions again and again.', { cause: error });
        }
        const scriptsUntil = await this.load(redis, key);
        if (scriptsUntil > 0) {
          this.scriptsUntil.set(redis, scriptsUntil);
          return NO_FUNCTIONS;
        }
      }
    }
  }

  /** Calls a function on behalf of a Redis instance: where the library is missing, no instance was entered. */
  async callInInstance(redis: RedisClient, fcall: () => Promise<unknown>): Promise<unknown> {
    if (this.usesScripts(redis)) return NO_FUNCTIONS;
    try {
      return await fcall();
    } catch (error) {
      if (isMissing(error)) throw new UnknownInstance('Redis does not know the library.', { cause: error });
      return this.refused(redis, error);
    }
  }

  /** What was found out on another connection: whether this one is served by scripts. */
  useScripts(redis: RedisClient, use: boolean): void {
    if (use) this.scriptsUntil.set(redis, Number.POSITIVE_INFINITY);
    else this.scriptsUntil.delete(redis);
  }

  private usesScripts(redis: RedisClient): boolean {
    const until = this.scriptsUntil.get(redis);
    return until !== undefined && performance.now() < until;
  }

  private refused(redis: RedisClient, error: unknown): typeof NO_FUNCTIONS {
    if (!refusesFunctions(error)) throw error;
    this.useScripts(redis, true);
    return NO_FUNCTIONS;
  }

  /** Loads the library on the primary of a key, once for all calls that miss it. Returns until when scripts serve instead. */
  private load(redis: RedisClient, key: string | undefined): Promise<number> {
    const slot =
      redis instanceof Cluster && key !== undefined ? new Command('get', [key]).getSlot() : undefined;
    const primary = (redis instanceof Cluster && slot !== undefined && redis.slots[slot]?.[0]) || 'any';
    const underWay = this.loads.get(redis) ?? new Map<string, Promise<number>>();
    this.loads.set(redis, underWay);
    let load = underWay.get(primary);
    if (load === undefined) {
      load = this.loadOn(redis, slot).finally(() => underWay.delete(primary));
      underWay.set(primary, load);
    }
    return load;
  }

  private async loadOn(redis: RedisClient, slot: number | undefined): Promise<number> {
    const command = new Command('function', ['LOAD', this.text]);
    try {
      await (redis instanceof Cluster
        ? redis.sendCommand(command, undefined, { slot })
        : redis.sendCommand(command));
      return 0;
    } catch (error) {
      if (!isReplyError(error)) throw error;
      if (/already exists/.test(error.message)) return 0;
      if (error.message.startsWith('OOM')) return performance.now() + FULL_MS;
      if (refusesFunctions(error)) return Number.POSITIVE_INFINITY;
      throw error;
    }
  }
}

const isMissing = (error: unknown): boolean =>
  isReplyError(error) && error.message.startsWith('ERR Function not found');

/** A Redis that has no functions, or a user who may not call or load them. */
const refusesFunctions = (error: unknown): boolean =>
  isReplyError(error) && /^(ERR unknown (sub)?command|NOPERM .*'(fcall|function)\b)/i.test(error.message);
