import { parseRedisUrl } from './redis-url.js';

/** Which Redis, and how to be let in. */
export interface RedisAccess {
  /** As in `REDIS_URL`: see {@link parseRedisUrl}. */
  readonly url: string;
  /** Sentinels may ask for a user and a password of their own. */
  readonly sentinel?: SentinelUser | undefined;
  /** Beside what the system trusts; used where the URL says TLS. */
  readonly tls?: TlsFiles | undefined;
  /** Keeps everything of this cluster apart from other clusters on the same Redis: see {@link namespacePrefix}. */
  readonly namespace?: string | undefined;
}

interface SentinelUser {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/**
 * What every key and every channel of a cluster begins with: its namespace, and the number of its database, since channels are
 * those of all databases. Empty without a namespace in database 0.
 */
export function namespacePrefix({ namespace, url }: RedisAccess): string {
  const { db } = parseRedisUrl(url);
  return `${namespace === undefined ? '' : `${namespace}:`}${db === 0 ? '' : `db${db}:`}`;
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
