import { Redis } from 'ioredis';
import { CannotStart } from './settings.mjs';

/** The command line of a Redis with an append-only file and without eviction. */
export const redisCommand = (binary, port) =>
  `exec ${binary} --port ${port} --bind 127.0.0.1 --appendonly yes --appendfsync everysec --maxmemory-policy noeviction --save ''`;

/**
 * Waits until Redis answers.
 *
 * @param {string} url of one server, or comma-separated URLs of a Redis Cluster
 * @param {number} withinMs
 * @param {AbortSignal} signal
 * @returns its version
 * @throws CannotStart when Redis does not answer in time
 */
export async function redisVersion(url, withinMs, signal) {
  const [first] = url.split(',');
  // Do not print the URL, which may have a password.
  if (!URL.canParse(first)) {
    throw new CannotStart(
      'REDIS_URL: expected redis://[USER:PASSWORD@]HOST:PORT[/DB]. In a password, write what is no letter or digit as %XX.',
    );
  }
  const redis = new Redis(first, {
    retryStrategy: () => 100,
    maxRetriesPerRequest: null,
    connectTimeout: withinMs,
  });
  let reason = new Error('no answer');
  let giveUp;
  const givenUp = new Promise((_, reject) => {
    giveUp = reject;
  });
  redis.on('error', (error) => {
    reason = error;
    if (isRefusal(error)) giveUp(error);
  });
  const timer = setTimeout(giveUp, withinMs);
  signal.addEventListener('abort', giveUp);
  try {
    const info = await Promise.race([redis.info('server'), givenUp]);
    return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
  } catch (error) {
    const { hostname, port } = new URL(first);
    const where = `Redis at ${hostname}:${port || 6379}`;
    if (isRefusal(error)) {
      throw new CannotStart(`${where} refuses the user or password in REDIS_URL: ${error.message}.`);
    }
    throw new CannotStart(`${where} does not answer: ${reason.message}.`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
    redis.disconnect();
  }
}

/** What waiting does not change. */
const isRefusal = (error) => /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH)\b/.test(error?.message ?? '');
