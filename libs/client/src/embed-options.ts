/** Which Redis, with what a URL cannot say. */
export interface EmbeddedRedis {
  /** As {@link EmbedOptions.redis}. */
  readonly url: string;
  /** Sentinels may ask for a user and a password of their own. */
  readonly sentinel?: { readonly username?: string; readonly password?: string };
  /**
   * In PEM, beside what the system trusts; used where the URL says TLS. `servername`: the name in Redis' certificate, where
   * that is not its host.
   */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
  };
}

/** How to embed the engines. */
export interface EmbedOptions {
  /**
   * `redis(s)://[user:password@]host:port[/db]`; several of them, comma-separated, for a Redis Cluster; or
   * `redis-sentinel(s)://[user:password@]host:port,host:port[/db]#primary-name`.
   */
  readonly redis: string | EmbeddedRedis;
  /** Begins the id of this member, as `/v1/cluster` shows it. 1 to 32 of A-Z a-z 0-9 . _ -. Default `embedded`. */
  readonly name?: string;
  /** The engines to start. Default: all. */
  readonly roles?: readonly ('lock' | 'queue' | 'cache')[];
  /**
   * Whether this member takes over its share of the timers: delays, visibility timeouts, retention. Default true; false for
   * processes that live only seconds.
   */
  readonly timers?: boolean;
  /** As `SYNCLINE_NAMESPACE` of nodes: keeps this cluster apart from others on the same Redis. */
  readonly namespace?: string;
  /** As `LOCK_DURABILITY` of nodes. Default `local`. */
  readonly lockDurability?: 'local' | 'fsync' | 'replicated';
  /** Memory for cached values, overhead included: of all caches together. Default 67,108,864 (64 MiB). */
  readonly nearCacheBytes?: number;
  /** As of `new Syncline`. */
  readonly releaseOnClose?: boolean;
}
