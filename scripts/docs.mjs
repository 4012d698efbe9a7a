// npm run docs: installs what the docs site needs, then builds it into dist/docs. `npm run docs:dev` serves it, and again on each change.
// Options are those of VitePress: npm run docs -- --base /syncline/
import { spawnSync } from 'node:child_process';
import { installWhenStale } from './install-when-stale.mjs';

const SITE = 'docs/site';
const [command, ...options] = process.argv.slice(2);
installWhenStale((line) => console.error(line), SITE);
const program = `${SITE}/node_modules/vitepress/bin/vitepress.js`;
const { status } = spawnSync(process.execPath, [program, command, SITE, ...options], { stdio: 'inherit' });
process.exitCode = status ?? 1;
