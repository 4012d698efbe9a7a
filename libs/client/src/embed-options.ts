import type { Tracing } from './tracing.js';

/** Which Redis, with what a URL cannot say. */
export interface EmbeddedRedis {
  /** As {@link EmbedOptions.redis}. */
  readonly url: string;
  /** Sentinels may ask for a user and a password of their own. */
  readonly sentinel?:
    | { readonly username?: string | undefined; readonly password?: string | undefined }
    | undefined;
  /**
   * In PEM, beside what the system trusts; used where the URL says TLS. `servername`: the name in Redis' certificate, where
   * that is not its host.
   */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
        readonly servername?: string | undefined;
      }
    | undefined;
}

/** How to embed the engines. */
export interface EmbedOptions {
  /**
   * `redis(s)://[user:password@]host:port[/db]`; several of them, comma-separated, for a Redis Cluster; or
   * `redis-sentinel(s)://[user:password@]host:port,host:port[/db]#primary-name`.
   */
  readonly redis: string | EmbeddedRedis;
  /** Begins the id of this member, as `/v1/cluster` shows it. 1 to 32 of A-Z a-z 0-9 . _ -. Default `embedded`. */
  readonly name?: string | undefined;
  /** The engines to start. Default: all. */
  readonly roles?: readonly ('lock' | 'queue' | 'cache')[] | undefined;
  /**
   * Whether this member takes over its share of the timers: delays, visibility timeouts, retention. Default true; false for
   * processes that live only seconds.
   */
  readonly timers?: boolean | undefined;
  /** As `SYNCLINE_NAMESPACE` of nodes: keeps this cluster apart from others on the same Redis. */
  readonly namespace?: string | undefined;
  /** As `LOCK_DURABILITY` of nodes. Default `local`. */
  readonly lockDurability?: 'local' | 'fsync' | 'replicated' | undefined;
  /** Memory for cached values, overhead included: of all caches together. Default 67,108,864 (64 MiB). */
  readonly nearCacheBytes?: number | undefined;
  /** As of `new Syncline`. */
  readonly releaseOnClose?: boolean | undefined;
  /** As of `new Syncline`. */
  readonly tracing?: Tracing | undefined;
}
