import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Child, freePort, RedisServer } from '@syncline/testing';

const BUILT = join(process.cwd(), 'dist/packages/embedded/dist/index.js');
const WAYS = {
  module: `import { embed } from '${BUILT}';`,
  commonjs: `const { embed } = require('${BUILT}');`,
};

/** A program of a user, which must end by itself. */
function start(program: string, way: keyof typeof WAYS = 'module'): Child {
  const source = `${WAYS[way]}\n(async () => {${program}})();`;
  const args = ['--unhandled-rejections=strict', '--no-warnings', `--input-type=${way}`, '--eval', source];
  return new Child(way, spawn(process.execPath, args));
}
const ended = async (child: Child) => [await child.exited, child.output];

/** Two members that hold, wait, work (which starts a thread) and have a value in memory. */
const inUse = (url: string) => `
  const [one, two] = await Promise.all([embed({ redis: '${url}' }), embed({ redis: '${url}' })]);
  const ignore = () => {};
  const name = String(process.pid);
  await one.lock.acquire(name);
  two.lock.acquire(name, { waitMs: 60_000 }).catch(ignore);
  one.lock.elect(name + '-leader', {}, () => new Promise(ignore)).catch(ignore);
  const session = await one.lock.session();
  await one.queue(name).send(1);
  await new Promise((resolve) => two.worker(name, resolve, { onError: ignore }));
  await one.cache(name).set('k', 1);
  for (let i = 0; i < 3; i += 1) await two.cache(name).get('k');
  const close = () => Promise.all([one.close(), two.close(), one.close()]);
`;

describe('a process with two members, in use,', () => {
  it('ends by itself once they are closed, as a module and in CommonJS', async () => {
    await using redis = await RedisServer.start();
    const program = `${inUse(redis.url)} await close(); console.log('closed');`;
    const children = (['module', 'commonjs'] as const).map((way) => start(program, way));
    expect(await Promise.all(children.map(ended))).toEqual(children.map(() => [0, 'closed']));
  });

  it('ends by itself where Redis goes away for good, before they are closed', async () => {
    await using killed = await RedisServer.start();
    await using frozen = await RedisServer.start();
    const children = [killed, frozen].map(({ url }) =>
      start(`${inUse(url)}
        console.log('ready');
        process.stdin.once('data', async () => {
          process.stdin.destroy();
          await close();
          console.log('closed');
        });`),
    );
    await Promise.all(children.map((child) => child.printed(/^ready$/)));
    await killed.kill();
    frozen.freeze();
    for (const child of children) child.process.stdin?.write('close\n');
    expect(await Promise.all(children.map(ended))).toEqual(children.map(() => [0, 'ready\nclosed']));
    frozen.thaw();
  });

  it('ends by itself where they could not be started', async () => {
    const child = start(`
      await embed({ redis: 'redis://127.0.0.1:${await freePort()}' }).catch(({ code }) => console.log(code));`);
    expect(await ended(child)).toEqual([0, 'store-unavailable']);
  });
});
