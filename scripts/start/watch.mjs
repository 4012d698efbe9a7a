import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, watch } from 'node:fs';

/** Files that are saved within this time, ms, are built together. */
const SETTLE_MS = 200;
const APPS = ['lock', 'queue', 'cache'];

/** Runs a program of Node. False: it failed. */
async function run(...args) {
  const [code] = await once(
    spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }),
    'exit',
  );
  return code === 0;
}

/**
 * Builds when a source file is saved: its app, or all three apps for a file of a library.
 *
 * @param {{ say: (line: string) => void, onBuilt: (apps: string[]) => void }} options `onBuilt` gets the names of the apps
 *   that were built
 */
export function rebuildOnSave({ say, onBuilt }) {
  const changed = new Set();
  let building = false;
  let timer;

  async function build() {
    if (building) return;
    building = true;
    while (changed.size > 0) {
      const apps = APPS.filter((app) => changed.has(app));
      changed.clear();
      say(`Building ${apps.join(', ')} ...`);
      // A package that is imported for the first time is not in the bundle, and would bring a second copy of Nest. Without the bundle
      // nodes start all the same, only more slowly.
      rmSync('dist/apps/node_modules', { recursive: true, force: true });
      const isBuilt =
        (await run('node_modules/@nestjs/cli/bin/nest.js', 'build', ...apps)) &&
        (await run('scripts/build-console.mjs'));
      if (isBuilt) onBuilt(apps);
      else say('The build failed; the nodes keep running the previous build.');
    }
    building = false;
  }

  const note = (apps) => (_event, file) => {
    if (!/\.(ts|lua)$/.test(file ?? '') || file.endsWith('.spec.ts')) return;
    for (const app of apps) changed.add(app);
    clearTimeout(timer);
    timer = setTimeout(build, SETTLE_MS);
  };
  for (const app of APPS) watch(`apps/${app}`, { recursive: true }, note([app]));
  watch('libs', { recursive: true }, note(APPS));
}
