import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';

/** What npm wrote down about the packages in `node_modules`. */
const INSTALLED = 'node_modules/.package-lock.json';

const packagesOf = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;

/** True when a package of the lockfile is absent or there in another version. */
function stale() {
  if (!existsSync(INSTALLED)) return true;
  const installed = packagesOf(INSTALLED);
  // Optional packages are those of other platforms.
  return Object.entries(packagesOf('package-lock.json')).some(
    ([path, { version, optional }]) =>
      path !== '' && installed[path]?.version !== version && !(optional && installed[path] === undefined),
  );
}

/**
 * Installs the dependencies when they are not those of the lockfile. A `node_modules` that is a link belongs to
 * another checkout and is left alone. Runs without any dependency.
 *
 * @param {(line: string) => void} say told what takes time
 */
export function installWhenStale(say) {
  const linked = lstatSync('node_modules', { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  if (linked || !stale()) return;
  say('Installing the dependencies (npm ci) ...');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The dependencies could not be installed: see the messages above.');
}
