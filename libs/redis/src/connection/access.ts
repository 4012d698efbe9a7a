/** Which Redis, and how to be let in. */
export interface RedisAccess {
  /** As in `REDIS_URL`: see {@link parseRedisUrl}. */
  readonly url: string;
  /** Sentinels may ask for a user and a password of their own. */
  readonly sentinel?: { readonly username?: string | undefined; readonly password?: string | undefined };
  /** Beside what the system trusts; used where the URL says TLS. */
  readonly tls?: TlsFiles | undefined;
}

/** In PEM. */
export interface TlsFiles {
  /** Certificates of the authorities that Redis' certificate may come from. */
  readonly ca?: string | undefined;
  /** What this process shows: Redis asks for it unless `tls-auth-clients` is `no`. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name that Redis' certificate must have, where that is not its host. */
  readonly servername?: string | undefined;
}
