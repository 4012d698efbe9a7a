/** Injection token of the connection for commands. */
export const REDIS = Symbol('REDIS');

/** Injection token of {@link RedisModuleOptions}: for a connection of one's own to the same Redis. */
export const REDIS_OPTIONS = Symbol('REDIS_OPTIONS');

export interface RedisModuleOptions {
  /** One `redis://` or `rediss://` URL; several, comma-separated, are seed nodes of a Redis Cluster. */
  readonly url: string;
  /** What Redis' `CLIENT LIST` shows. */
  readonly connectionName: string;
}
