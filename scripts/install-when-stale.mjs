import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const packagesOf = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;

/** True when a package of the lockfile is missing or has another version. */
function stale(folder) {
  // The record of installed packages, written by npm.
  const record = join(folder, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return true;
  const installed = packagesOf(record);
  // Missing optional packages are for other platforms.
  return Object.entries(packagesOf(join(folder, 'package-lock.json'))).some(
    ([path, { version, optional }]) =>
      path !== '' && installed[path]?.version !== version && !(optional && installed[path] === undefined),
  );
}

/**
 * Installs the dependencies when they differ from the lockfile. Does not touch a `node_modules` that is a symbolic link,
 * because it belongs to another checkout. Needs no dependency itself.
 *
 * @param {(line: string) => void} say prints a progress line
 * @param {string} folder with `package-lock.json`
 */
export function installWhenStale(say, folder = '.') {
  const linked =
    lstatSync(join(folder, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  if (linked || !stale(folder)) return;
  say(`Installing the dependencies${folder === '.' ? '' : ` of ${folder}`} (npm ci) ...`);
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    // A package of Swagger's would report its installation.
    env: { ...process.env, SCARF_ANALYTICS: 'false' },
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The dependencies could not be installed: see the messages above.');
}
