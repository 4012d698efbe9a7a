import type { RedisAccess } from './connection/access.js';

/** Injection token of the connection for commands. */
export const REDIS = Symbol('REDIS');

/** Injection token of {@link RedisModuleOptions}: for a connection of one's own to the same Redis. */
export const REDIS_OPTIONS = Symbol('REDIS_OPTIONS');

export interface RedisModuleOptions extends RedisAccess {
  /** What Redis' `CLIENT LIST` shows. */
  readonly connectionName: string;
}
