import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';

const run = promisify(execFile);
const DOCS = join(process.cwd(), 'docs/client.md');
const TSX = join(process.cwd(), 'node_modules/tsx/dist/loader.mjs');

/** What a user has: the package, its dependencies and nothing else of ours. */
let folder: string;
let redis: RedisServer;
let nodes: NodeProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'syncline-client-'));
  const installed = join(folder, 'node_modules/@syncline/client');
  await mkdir(installed, { recursive: true });
  await run(process.execPath, ['scripts/build-client.mjs', join(installed, 'dist')]);
  await cp('libs/client/package.json', join(installed, 'package.json'));
  await mkdir(join(folder, 'node_modules/@types'));
  const from = join(process.cwd(), 'node_modules');
  for (const name of ['undici', 'undici-types', '@types/node']) {
    await symlink(join(from, name), join(folder, 'node_modules', name));
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  redis = await RedisServer.start();
  const started = await Promise.all(
    (['lock', 'queue', 'cache'] as const).map((role) => startNodes(role, 1, { redisUrl: redis.url })),
  );
  nodes = started.flat();
}, 60_000);
afterAll(async () => {
  await stopAll(nodes);
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

const examples = async () =>
  [...(await readFile(DOCS, 'utf8')).matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);

describe('the published package', () => {
  it('is whole: it needs nothing of this repository, and its types hold without ours', async () => {
    for (const [i, code] of (await examples()).entries()) await writeFile(join(folder, `${i}.ts`), code);
    const compilerOptions = {
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      noEmit: true,
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    const tsc = join(process.cwd(), 'node_modules/typescript/bin/tsc');
    const checked = await run(process.execPath, [tsc, '-p', folder]).catch((error) => error);
    expect(checked.stdout).toBe('');
  }, 60_000);

  it('shows in its manual what really happens', async () => {
    const all = await examples();
    expect(all.length).toBeGreaterThanOrEqual(6);
    await Promise.all(
      all.map(async (code, i) => {
        const here = code.replaceAll(/http:\/\/localhost:800(\d)/g, (_, port) => {
          return nodes[Math.floor((Number(port) - 1) / 3)]?.url ?? '';
        });
        const path = join(folder, `example-${i}.ts`);
        await writeFile(path, here);
        const { stdout } = await run(process.execPath, [
          '--unhandled-rejections=strict',
          '--import',
          TSX,
          path,
        ]);
        const expected = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, line]) => line);
        expect(stdout.trim().split('\n')).toEqual(expected);
      }),
    );
  }, 60_000);

  it('leaves no rejection unhandled when nobody answers', async () => {
    const path = join(folder, 'nobody.mjs');
    await writeFile(
      path,
      `import { Syncline } from '@syncline/client';
       const none = ['http://127.0.0.1:1', 'http://127.0.0.1:2'];
       const s = new Syncline({ lock: none, queue: none, cache: none, timeoutMs: 300 });
       s.worker('q', () => undefined, { onError: () => undefined });
       const calls = [s.lock.acquire('a'), s.lock.acquire('b'), s.lock.acquire('c', { waitMs: 100 }), s.lock.session(),
         s.queue('q').send(1), s.queue('q').ack('r'), s.cache('c').get('k'), s.cache('c').set('k', 1),
         s.cache('c').getOrSet('k', () => 1), s.lock.acquire('d', { signal: AbortSignal.timeout(50) })];
       const outcomes = await Promise.allSettled(calls);
       console.log(outcomes.map(({ reason }) => reason?.code ?? reason?.name).join());
       await s.close();`,
    );
    const { stdout } = await run(process.execPath, ['--unhandled-rejections=strict', path]);
    const failed = Array(9).fill('connection-failed');
    // DOMException codes: 23 is TimeoutError.
    expect(stdout.trim()).toBe([...failed, '23'].join());
  }, 30_000);
});
