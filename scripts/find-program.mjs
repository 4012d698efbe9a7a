import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The path of a program on the PATH that works; undefined: there is none. */
const onPath = (name) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path) && spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0);
/** The first of several programs. */
const firstOnPath = (names) => names.map(onPath).find((path) => path !== undefined);

/**
 * Finds a program on the PATH, or installs its Debian package when this user is allowed to.
 *
 * @param {{ names: readonly string[], debian: string }} wanted possible names of the program, and its Debian package
 * @param {(line: string) => void} say prints a progress line
 * @returns {string | null} its path; null when it was not found and cannot be installed
 */
export function findProgram({ names, debian }, say) {
  const found = firstOnPath(names);
  if (found) return found;
  if (process.getuid?.() !== 0 || onPath('apt-get') === undefined) return null;
  say(`Installing ${debian} (Debian package) ...`);
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  spawnSync('apt-get', ['update', '-qq'], options);
  // RUNLEVEL=1 keeps the package from starting its service.
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debian], {
    ...options,
    env: { ...options.env, RUNLEVEL: '1' },
  });
  return firstOnPath(names) ?? null;
}
