import { Cluster, Command } from 'ioredis';
import type { RedisClient } from '../connection/connection.js';
import { slotOf } from '../connection/primary.js';
import { isReplyError, StoreUnavailable } from '../store-unavailable.js';
import { UnknownInstance } from '../unknown-instance.js';

/** Most tries of a call whose functions keep disappearing after they were loaded. */
const TRIES = 5;
/** When Redis was too full to load a library, the next try comes after this time. */
const FULL_MS = 1_000;

/** The functions of a library. Loads them on each primary that does not have them; stops using them where Redis refuses. */
export class LibraryFunctions {
  /** Until when a connection uses scripts, by `performance.now()`. */
  private readonly scriptsUntil = new WeakMap<RedisClient, number>();
  /** By connection, the instance of each scope that was entered by scripts, since its process takes no functions. */
  private readonly scripted = new WeakMap<RedisClient, Map<string, string>>();
  /** Loads in progress: by connection, then by primary. */
  private readonly loads = new WeakMap<RedisClient, Map<string, Promise<number>>>();

  constructor(private readonly text: string) {}

  /**
   * Calls a function. When Redis does not know it, nothing ran, so this loads the library and calls again.
   *
   * @param key    one of the keys of the call: on a Redis Cluster it determines the primary
   * @param script what is called where Redis does not take functions, now or at all; then nothing ran
   */
  async call<Reply>(
    redis: RedisClient,
    key: string | undefined,
    fcall: () => Promise<Reply>,
    script: () => Promise<Reply>,
  ): Promise<Reply> {
    if (this.usesScripts(redis)) return script();
    for (let tries = 1; ; tries += 1) {
      try {
        return await fcall();
      } catch (error) {
        if (refusesFunctions(error)) this.scriptsUntil.set(redis, Number.POSITIVE_INFINITY);
        else if (!isMissing(error)) throw error;
        if (this.usesScripts(redis)) return script();
        if (tries === TRIES) {
          throw new StoreUnavailable('Redis keeps losing its functions.', { cause: error });
        }
        const scriptsUntil = await this.load(redis, key);
        if (scriptsUntil > 0) {
          this.scriptsUntil.set(redis, scriptsUntil);
          return script();
        }
      }
    }
  }

  /** Calls a function for a Redis instance. Where the library is missing or refused, the instance was not entered. */
  async callInInstance<Reply>(
    redis: RedisClient,
    instance: string,
    fcall: () => Promise<Reply>,
    script: () => Promise<Reply>,
  ): Promise<Reply> {
    for (const scripted of this.scripted.get(redis)?.values() ?? []) {
      if (scripted === instance) return script();
    }
    try {
      return await fcall();
    } catch (error) {
      if (!isMissing(error) && !refusesFunctions(error)) throw error;
      throw new UnknownInstance('Redis does not know the library.', { cause: error });
    }
  }

  /** The instance of a scope was entered for a connection, by scripts or by functions. */
  entered(redis: RedisClient, scope: string, instance: string, byScripts: boolean): void {
    const scripted = this.scripted.get(redis) ?? new Map<string, string>();
    if (byScripts) this.scripted.set(redis, scripted.set(scope, instance));
    else scripted.delete(scope);
  }

  private usesScripts(redis: RedisClient): boolean {
    const until = this.scriptsUntil.get(redis);
    return until !== undefined && performance.now() < until;
  }

  /** Loads the library on the primary of a key, once for all calls. Returns until when to use scripts instead; 0: loaded. */
  private load(redis: RedisClient, key: string | undefined): Promise<number> {
    const slot = key === undefined ? undefined : slotOf(redis, key);
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

/** Redis has no functions, or the user may not call or load them. */
const refusesFunctions = (error: unknown): boolean =>
  isReplyError(error) && /^(ERR unknown (sub)?command|NOPERM .*'(fcall|function)\b)/i.test(error.message);
