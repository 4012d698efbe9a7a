// Runs the command line of this repository, as it is published: `npm run -s syncline -- lock ls`.
import { buildWhenStale } from './build-when-stale.mjs';

buildWhenStale((line) => process.stderr.write(`${line}\n`), 'packages');
await import('../dist/packages/cli/dist/main.js');
