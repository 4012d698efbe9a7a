import type { Redis } from 'ioredis';
import { fieldOf } from '../info.js';

/** By the socket of a connection: it leads to one process for as long as it lasts. */
const runIds = new WeakMap<object, Promise<string>>();

/** From now on, asks at each start of a connection which process of Redis it leads to. */
export function identify(redis: Redis): void {
  redis.on('ready', () => {
    const asked = redis.info('server').then((info) => fieldOf(info, 'run_id'));
    asked.catch(() => {});
    runIds.set(redis.stream, asked);
  });
}

/**
 * The id of the process of Redis that a connection leads to at this moment. Another one may answer at the same address
 * later: after a failover, or a restart.
 *
 * @throws what the question failed with
 */
export const runIdOf = (redis: Redis): Promise<string> =>
  runIds.get(redis.stream) ?? Promise.reject(new Error('The connection to Redis is not ready.'));
