import { spawnSync } from 'node:child_process';

const onPath = (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;

/**
 * A program that is run: the one on the PATH, or Debian's, installed when this user may install.
 *
 * @param {{ names: readonly string[], debian: string }} wanted the names it goes by, and that of its Debian package
 * @param {(line: string) => void} say told what takes time
 * @returns {string | null} its name; null when there is none and none can be installed
 */
export function findProgram({ names, debian }, say) {
  const found = names.find(onPath);
  if (found) return found;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) return null;
  say(`Installing ${debian} (Debian package) ...`);
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  spawnSync('apt-get', ['update', '-qq'], options);
  // The package of a server would start one of its own; ours is the one that runs.
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debian], {
    ...options,
    env: { ...options.env, RUNLEVEL: '1' },
  });
  return names.find(onPath) ?? null;
}
