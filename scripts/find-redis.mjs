import { spawnSync } from 'node:child_process';

const NAMES = ['redis-server', 'valkey-server'];

const onPath = (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;

/** How to get a Redis, for a person whose machine has none. */
export const HOW_TO_GET_REDIS = `No Redis was found. Get one in one of these ways, then try again:
  package:   sudo apt-get install redis-server   (macOS: brew install redis)
  elsewhere: export REDIS_URL=redis://HOST:6379  (or: docker run -p 6379:6379 redis:7)`;

/**
 * The `redis-server` to run: the one on the PATH, or Debian's, installed when this user may install.
 *
 * @param {(line: string) => void} say told what takes time
 * @returns {string | null} its name; null when there is none and none can be installed
 */
export function findRedis(say) {
  const found = NAMES.find(onPath);
  if (found) return found;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) return null;
  say('Installing redis-server (Debian package) ...');
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  spawnSync('apt-get', ['update', '-qq'], options);
  // The package would start a server of its own on port 6379; ours is the one that runs.
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], {
    ...options,
    env: { ...options.env, RUNLEVEL: '1' },
  });
  return NAMES.find(onPath) ?? null;
}
