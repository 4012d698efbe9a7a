import { findProgram } from './find-program.mjs';

/** How to get a Redis, for a person whose machine has none. */
export const HOW_TO_GET_REDIS = `No Redis was found. Get one in one of these ways, then try again:
  package:   sudo apt-get install redis-server   (macOS: brew install redis)
  elsewhere: export REDIS_URL=redis://HOST:6379  (or: docker run -p 6379:6379 redis:7)`;

/**
 * The `redis-server` to run.
 *
 * @param {(line: string) => void} say told what takes time
 * @returns {string | null} null when there is none and none can be installed
 */
export const findRedis = (say) =>
  findProgram({ names: ['redis-server', 'valkey-server'], debian: 'redis-server' }, say);
