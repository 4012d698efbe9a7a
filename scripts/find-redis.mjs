import { findProgram } from './find-program.mjs';

/** Says how to install Redis. */
export const HOW_TO_GET_REDIS = `No Redis was found. Install it or name one, then try again:
  package:   sudo apt-get install redis-server   (macOS: brew install redis)
  elsewhere: export REDIS_URL=redis://HOST:6379  (or: docker run -p 6379:6379 redis:7)`;

/**
 * Finds or installs a `redis-server`.
 *
 * @param {(line: string) => void} say prints a progress line
 * @returns {string | null} null when there is none and it cannot be installed
 */
export const findRedis = (say) =>
  findProgram({ names: ['redis-server', 'valkey-server'], debian: 'redis-server' }, say);
