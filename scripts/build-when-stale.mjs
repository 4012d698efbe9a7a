import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['apps', 'libs', 'package-lock.json', 'nest-cli.json', 'tsconfig.json'];
const BUILDS = {
  apps: {
    made: [
      ...['lock', 'queue', 'cache'].map((app) => `dist/apps/${app}/apps/${app}/src/main.js`),
      'dist/apps/node_modules/dependencies.mjs',
      'dist/apps/cache/console/index.html',
    ],
    from: [
      ...SOURCES,
      'scripts/bundle-dependencies.mjs',
      'scripts/copy-packages.mjs',
      'scripts/build-console.mjs',
    ],
    by: ['npm', 'run', '--silent', 'build'],
  },
  packages: {
    made: [
      'dist/packages/client/dist/cjs/index.js',
      'dist/packages/embedded/dist/index.js',
      'dist/packages/cli/dist/main.js',
    ],
    from: [
      ...SOURCES,
      'scripts/build-packages.mjs',
      'scripts/bundle-embedded.mjs',
      'scripts/package-commonjs.mjs',
    ],
    by: [process.execPath, 'scripts/build-packages.mjs'],
  },
};

const isSource = (path) => /\.(tsx?|lua|json|css|html)$/.test(path) && !path.endsWith('.spec.ts');

function newest(path) {
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs;
  const files = readdirSync(path, { recursive: true }).map((name) => join(path, name));
  return Math.max(0, ...files.filter(isSource).map((file) => statSync(file).mtimeMs));
}

/** True when the build is missing, or a source is newer than it. */
function stale({ made, from }) {
  if (!made.every(existsSync)) return true;
  const built = Math.min(...made.map((file) => statSync(file).mtimeMs));
  return from.some((path) => newest(path) > built);
}

/**
 * Builds the apps or the published packages when a source is newer than the build.
 *
 * @param {(line: string) => void} say prints a progress line
 * @param {'apps' | 'packages'} what
 */
export function buildWhenStale(say, what) {
  const build = BUILDS[what];
  if (!stale(build)) return;
  say(`Building the ${what} ...`);
  const [program, ...args] = build.by;
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error('The build failed: see the messages above.');
}
