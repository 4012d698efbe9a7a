import type { RedisAccess } from './connection/access.js';

/** Injection token of the command connection. */
export const REDIS = Symbol('REDIS');

/** Injection token of {@link RedisModuleOptions}, for another connection to the same Redis. */
export const REDIS_OPTIONS = Symbol('REDIS_OPTIONS');

export interface RedisModuleOptions extends RedisAccess {
  /** Name in Redis' `CLIENT LIST`. */
  readonly connectionName: string;
}
