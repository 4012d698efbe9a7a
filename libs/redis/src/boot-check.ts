import type { RedisClient } from './connection.js';
import { refusalOfUser, storeError } from './store-unavailable.js';

/** This Redis cannot keep the promises that the services make. The message says how to mend it. */
export class UnsuitableRedis extends Error {
  override readonly name = 'UnsuitableRedis';
}

/**
 * Whether a failure at boot is one that only a person can mend.
 *
 * @throws UnsuitableRedis when Redis refuses the user of `REDIS_URL`
 */
export function refuseUser(error: unknown): void {
  const refusal = refusalOfUser(error);
  if (refusal === undefined) return;
  throw new UnsuitableRedis(
    `Redis refuses the user or the password in REDIS_URL (${refusal}). Set redis://USER:PASSWORD@HOST:PORT, percent-encoded; docs/operations.md names the rights that the user needs.`,
    { cause: error },
  );
}

/**
 * Refuses a Redis that would break promises in silence: one that evicts keys, or one older than 7.0.
 *
 * @throws UnsuitableRedis
 * @throws StoreUnavailable when it does not answer
 */
export async function checkRedis(redis: RedisClient): Promise<void> {
  const info = await redis.info('server', 'memory').catch((error: unknown) => {
    throw storeError(error);
  });
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const version = field('redis_version');
  if (Number.parseInt(version, 10) < 7) {
    throw new UnsuitableRedis(
      `Redis ${version} is too old: 7.0 or newer is needed. Upgrade it, or point REDIS_URL at another one.`,
    );
  }
  const policy = field('maxmemory_policy');
  if (policy !== 'noeviction') {
    throw new UnsuitableRedis(
      `Redis has maxmemory-policy ${policy}: it may drop locks and messages when memory runs short. ` +
        "Run 'redis-cli CONFIG SET maxmemory-policy noeviction' and put the same line into redis.conf.",
    );
  }
}
