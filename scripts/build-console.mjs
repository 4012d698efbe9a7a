// Builds the console, and puts it beside each built node, which serves it.
import { cpSync, rmSync } from 'node:fs';
import { build } from 'vite';

const APPS = ['lock', 'queue', 'cache'];

await build({ root: 'libs/console', logLevel: 'warn' });
for (const app of APPS) {
  const place = `dist/apps/${app}/console`;
  rmSync(place, { recursive: true, force: true });
  cpSync('dist/console', place, { recursive: true });
}
