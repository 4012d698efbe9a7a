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
  const redis = new Redis(first, {
    retryStrategy: () => 100,
    maxRetriesPerRequest: null,
    connectTimeout: withinMs,
  });
  let reason = new Error('no answer');
  redis.on('error', (error) => {
    reason = error;
  });
  let giveUp;
  const givenUp = new Promise((_, reject) => {
    giveUp = reject;
  });
  const timer = setTimeout(giveUp, withinMs);
  signal.addEventListener('abort', giveUp);
  try {
    const info = await Promise.race([redis.info('server'), givenUp]);
    return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
  } catch {
    // Do not print the URL, which may have a password.
    const { hostname, port } = new URL(first);
    throw new CannotStart(`Redis at ${hostname}:${port || 6379} does not answer: ${reason.message}.`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
    redis.disconnect();
  }
}
