import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from './connection/connection.js';
import { refusalOfUser, StoreUnavailable, storeError } from './store-unavailable.js';

/** This Redis cannot provide what the services guarantee. The message says how to fix it. */
export class UnsuitableRedis extends Error {
  override readonly name = 'UnsuitableRedis';
}

/** What Redis, a sentinel or TLS says of a mistake in the configuration, and how to mend that. */
const MISTAKES: readonly (readonly [RegExp, string])[] = [
  [
    /cluster support disabled/,
    'REDIS_URL names several addresses, as of a Redis Cluster, but a single Redis answers there: name one.',
  ],
  [
    /invalid reply: null|No such master with that name/,
    'The sentinels know no primary by the name that follows # in REDIS_URL: set the one of `sentinel monitor`.',
  ],
  [
    /unknown command .?sentinel/i,
    'REDIS_URL names sentinels, but a Redis answers there: set redis://HOST:PORT, or the ports of the sentinels.',
  ],
  [
    /failed to connect to sentinel .*(NOAUTH|WRONGPASS)/,
    'The sentinels refuse the user or the password: set REDIS_SENTINEL_PASSWORD, and REDIS_SENTINEL_USERNAME where they have users.',
  ],
  [
    /self.signed certificate|unable to (get local issuer|verify)|UNABLE_TO_VERIFY|DEPTH_ZERO_SELF_SIGNED/i,
    'The certificate of Redis comes from an authority that is not trusted here: set REDIS_TLS_CA to a file with its certificate.',
  ],
  [
    /altnames|ERR_TLS_CERT_ALTNAME_INVALID/,
    'The certificate of Redis is for another host: set REDIS_TLS_SERVERNAME to the name that it has.',
  ],
];

/**
 * Checks whether only a person can fix a failure at boot.
 *
 * @throws UnsuitableRedis when Redis refuses the user of `REDIS_URL`, or is not what the configuration says
 */
export function refuseMistake(error: unknown): void {
  const refusal = refusalOfUser(error);
  if (refusal !== undefined) {
    throw new UnsuitableRedis(
      `Redis refuses the user or the password in REDIS_URL (${refusal}). Set redis://USER:PASSWORD@HOST:PORT, percent-encoded; docs/operations.md lists the rights that the user needs.`,
      { cause: error },
    );
  }
  const said = wordsOf(error);
  const mistake = MISTAKES.find(([pattern]) => pattern.test(said));
  if (mistake !== undefined) throw new UnsuitableRedis(mistake[1], { cause: error });
}

/** What the failure says, and the failures that it comes from. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { lastNodeError, code } = error as { lastNodeError?: unknown; code?: unknown };
  const own = error instanceof StoreUnavailable ? '' : `${String(code ?? '')} ${error.message}`;
  return [own, wordsOf(error.cause), wordsOf(lastNodeError)].join(' ');
}

/** All primaries: one where there is no Redis Cluster. */
export const primariesOf = (redis: RedisClient): readonly Redis[] =>
  redis instanceof Cluster ? redis.nodes('master') : [redis];

/**
 * Refuses a Redis that would silently break guarantees: one that evicts keys, one older than 7.0, or one of another kind
 * than `REDIS_URL` says.
 *
 * @throws UnsuitableRedis
 * @throws StoreUnavailable when it does not answer
 */
export async function checkRedis(redis: RedisClient): Promise<void> {
  await Promise.all(primariesOf(redis).map((primary) => checkPrimary(primary, redis instanceof Cluster)));
}

async function checkPrimary(redis: Redis, inCluster: boolean): Promise<void> {
  const info = await redis.info('server', 'memory').catch((error: unknown) => {
    throw storeError(error);
  });
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const mode = field('redis_mode');
  if (mode === 'sentinel') {
    throw new UnsuitableRedis(
      'REDIS_URL names a sentinel: set redis-sentinel://HOST:26379,HOST:26379#PRIMARY, with the name of `sentinel monitor`.',
    );
  }
  if (mode === 'cluster' && !inCluster) {
    throw new UnsuitableRedis(
      'REDIS_URL names a node of a Redis Cluster: name several of its nodes, comma-separated.',
    );
  }
  const version = field('redis_version');
  if (Number.parseInt(version, 10) < 7) {
    throw new UnsuitableRedis(
      `Redis ${version} is too old: Syncline needs 7.0 or newer. Upgrade it, or set REDIS_URL to another Redis.`,
    );
  }
  const policy = field('maxmemory_policy');
  if (policy !== 'noeviction') {
    throw new UnsuitableRedis(
      `Redis has maxmemory-policy ${policy}: it may evict locks and messages when memory is full. ` +
        "Run 'redis-cli CONFIG SET maxmemory-policy noeviction' and add the setting to redis.conf.",
    );
  }
}
