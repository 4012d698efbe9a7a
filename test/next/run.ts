// npm run test:next: builds a small app on each version of Next that @syncline/next is for, and runs replicas of it beside one
// Redis. It needs the registry of npm and takes minutes; `npm test` has the tests of the handlers without Next.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from '../packages/project.js';
import { NextApp } from './next-app.js';
import { Stage } from './stage.js';

const PACKAGES = ['client', 'embedded', 'next'];
const VERSIONS = process.argv.length > 2 ? process.argv.slice(2) : ['16.4.6', '15.5.29'];

const folder = await mkdtemp(join(tmpdir(), 'syncline-next-'));
const tarballs = await pack(join(process.cwd(), 'dist/packages'), PACKAGES, join(folder, 'packed'));

let failed = 0;
async function check(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    console.log(`ok     ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${what}\n`, error);
  }
}

for (const next of VERSIONS) {
  await check(`Next ${next}`, async () => {
    const app = await NextApp.build(join(folder, next), next, tarballs);
    console.log(`ok     Next ${next} builds without a Redis`);
    const stage = await Stage.open(
      app,
      next.startsWith('16') ? ['/posts/1', '/posts/2', '/cached/1'] : ['/posts/1', '/posts/2'],
    );
    await check('pages are kept, and what was revalidated is served by no replica', () =>
      stage.revalidate(60),
    );
    await check('the same while no hint reaches a replica', () =>
      stage.withoutHints(() => stage.revalidate(30)),
    );
    await check('what is being rendered while it is revalidated is not kept', () =>
      stage.revalidateWhileRendering(),
    );
    await check('a page is rendered again when its time is over', () => stage.letTimePass());
    await check("Next's own functions in a route take effect soon", () => stage.revalidateByNext());
    await check('pages are rendered while Redis is away, and a revalidation fails', () => stage.loseRedis());
    await check('a replica is killed', () => stage.loseReplica());
    await check('the same over nodes', () => stage.overNodes());
    await stage.close();
  });
}
await rm(folder, { recursive: true, force: true });
process.exit(failed === 0 ? 0 : 1);
