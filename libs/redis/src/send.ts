import { type RedisClient, whenReady } from './connection/connection.js';
import { wasNotSent } from './connection/not-sent.js';
import { storeError } from './store-unavailable.js';

export type Argument = string | number | Buffer;

type Send = (redis: RedisClient, name: string, keyCount: number, ...args: Argument[]) => Promise<unknown>;

/** The ways to call Lua. */
export interface Calls {
  readonly fcall: Send;
  readonly evalsha: Send;
  readonly evaluate: Send;
}

const TEXT: Calls = {
  fcall: (redis, ...args) => redis.fcall(...args),
  evalsha: (redis, ...args) => redis.evalsha(...args),
  evaluate: (redis, ...args) => redis.eval(...args),
};
/** ioredis has these methods, though its types do not name them. */
interface BinaryRedis {
  fcallBuffer(name: string, keyCount: number, ...args: Argument[]): Promise<unknown>;
  evalshaBuffer(script: string, keyCount: number, ...args: Argument[]): Promise<unknown>;
  evalBuffer(script: string, keyCount: number, ...args: Argument[]): Promise<unknown>;
}
const BINARY: Calls = {
  fcall: (redis, ...args) => (redis as unknown as BinaryRedis).fcallBuffer(...args),
  evalsha: (redis, ...args) => (redis as unknown as BinaryRedis).evalshaBuffer(...args),
  evaluate: (redis, ...args) => (redis as unknown as BinaryRedis).evalBuffer(...args),
};

/** @param binary whether strings in replies are `Buffer` */
export const callsOf = (binary: boolean): Calls => (binary ? BINARY : TEXT);

/**
 * Sends a command when the connection is ready. Sends it again only when it was certainly not sent the first time.
 *
 * @throws StoreUnavailable when Redis cannot be reached or refuses; the outcome is unknown
 * @throws Problem `cross-slot`
 */
export async function sendWhenReady<T>(redis: RedisClient, send: () => Promise<T>): Promise<T> {
  try {
    if (redis.status !== 'ready') await whenReady(redis);
    try {
      return await send();
    } catch (error) {
      if (!wasNotSent(error)) throw error;
    }
    await whenReady(redis);
    return await send();
  } catch (error) {
    throw storeError(error);
  }
}
