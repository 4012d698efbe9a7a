import { spawnSync } from 'node:child_process';

const onPath = (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;

/**
 * Finds a program on the PATH, or installs its Debian package when this user is allowed to.
 *
 * @param {{ names: readonly string[], debian: string }} wanted possible names of the program, and its Debian package
 * @param {(line: string) => void} say prints a progress line
 * @returns {string | null} the name; null when it was not found and cannot be installed
 */
export function findProgram({ names, debian }, say) {
  const found = names.find(onPath);
  if (found) return found;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) return null;
  say(`Installing ${debian} (Debian package) ...`);
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  spawnSync('apt-get', ['update', '-qq'], options);
  // RUNLEVEL=1 keeps the package from starting its service.
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debian], {
    ...options,
    env: { ...options.env, RUNLEVEL: '1' },
  });
  return names.find(onPath) ?? null;
}
