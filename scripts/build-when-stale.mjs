import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['apps', 'libs', 'package-lock.json', 'nest-cli.json', 'tsconfig.json'];
const MAINS = ['lock', 'queue', 'cache'].map((app) => `dist/apps/${app}/apps/${app}/src/main.js`);

const isSource = (path) => /\.(ts|lua|json)$/.test(path) && !path.endsWith('.spec.ts');

function newest(path) {
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs;
  const files = readdirSync(path, { recursive: true }).map((name) => join(path, name));
  return Math.max(0, ...files.filter(isSource).map((file) => statSync(file).mtimeMs));
}

/** True when an app was never built, or a source is newer than what was built of it. */
function stale() {
  if (!MAINS.every(existsSync)) return true;
  const built = Math.min(...MAINS.map((main) => statSync(main).mtimeMs));
  return SOURCES.some((path) => newest(path) > built);
}

/**
 * Builds the three apps when a source is newer than the build.
 *
 * @param {(line: string) => void} say told what takes time
 */
export function buildWhenStale(say) {
  if (!stale()) return;
  say('Building the three apps ...');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('The build failed: see the messages above.');
}
