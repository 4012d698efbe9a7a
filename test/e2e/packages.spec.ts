import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Child, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import ts from 'typescript';

const run = promisify(execFile);
const PACKAGES = ['client', 'cli', 'nestjs', 'keyv'];
const MANUALS = ['docs/client.md', 'docs/nestjs.md'];
const OURS = join(process.cwd(), 'node_modules');
/** What else the application of a user has: peers, and what the examples import. */
const BESIDE = [
  '@nestjs/cache-manager',
  '@nestjs/common',
  '@nestjs/core',
  '@types/node',
  'cache-manager',
  'keyv',
  'reflect-metadata',
  'rxjs',
];
/** The examples are compiled as Nest's own starter has it. */
const COMPILER_OPTIONS = {
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};

/** What a user has: the packages, what they depend on and nothing else of ours. */
let folder: string;
let redis: RedisServer;
let nodes: NodeProcess[] = [];

const installed = (name: string) => join(folder, 'node_modules/@syncline', name);

/** Nothing of the npm that runs this test: it would install into this repository. */
const npm = (...args: string[]) =>
  run('npm', args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, npm_config_update_notifier: 'false' },
  });

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}
const manifestIn = async (path: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(path, 'package.json'), 'utf8'));

/** Copies a dependency, with all of its own, to where npm finds it and need not download it. */
async function provide(name: string, seen: Set<string>): Promise<void> {
  if (seen.has(name)) return;
  seen.add(name);
  await cp(join(OURS, name), join(folder, 'node_modules', name), { recursive: true });
  const { dependencies = {} } = await manifestIn(join(OURS, name));
  for (const each of Object.keys(dependencies)) await provide(each, seen);
}

async function install(): Promise<void> {
  // The set-up of the tests has built them.
  const built = join(process.cwd(), 'dist/packages');
  await Promise.all(PACKAGES.map((name) => npm('pack', join(built, name))));
  const manifests = await Promise.all(PACKAGES.map((name) => manifestIn(join(built, name))));
  const needed = manifests.flatMap(({ dependencies = {} }) => Object.keys(dependencies));
  const seen = new Set<string>();
  for (const name of [...BESIDE, ...needed]) if (!name.startsWith('@syncline/')) await provide(name, seen);
  const dependencies = Object.fromEntries(BESIDE.map((name) => [name, '*']));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', dependencies }));
  const tarballs = (await readdir(folder)).filter((name) => name.endsWith('.tgz')).map((name) => `./${name}`);
  // A dependency that is not there as declared would have to be downloaded: that fails. npm looks up peers in any case.
  await npm('install', '--offline', '--legacy-peer-deps', '--no-audit', '--no-fund', ...tarballs);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'syncline-packages-'));
  redis = await RedisServer.start();
  const started = await Promise.all(
    (['lock', 'queue', 'cache'] as const).map((role) => startNodes(role, 1, { redisUrl: redis.url })),
  );
  nodes = started.flat();
  await install();
});
afterAll(async () => {
  await stopAll(nodes);
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The examples of the manuals, with the nodes of this test. */
async function examples() {
  const pages = await Promise.all(MANUALS.map((path) => readFile(path, 'utf8')));
  return pages
    .flatMap((page) => [...page.matchAll(/```ts\n(.*?)```/gs)])
    .map(([, code = '']) =>
      code.replaceAll(
        /http:\/\/localhost:800(\d)/g,
        (_, port) => nodes[Math.floor((Number(port) - 1) / 3)]?.url ?? '',
      ),
    );
}

describe('the published packages', () => {
  it.each(PACKAGES)('have what they need: %s', async (name) => {
    const { dependencies, peerDependencies } = await manifestIn(installed(name));
    const declared = Object.keys({ ...dependencies, ...peerDependencies });
    const files = await readdir(join(installed(name), 'dist'), { recursive: true });
    const sources = files.filter((path) => /\.(js|ts)$/.test(path));
    expect(sources.filter((path) => path.includes('.spec.'))).toEqual([]);
    const imported = await Promise.all(
      sources.map(async (path) => {
        const text = await readFile(join(installed(name), 'dist', path), 'utf8');
        return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
      }),
    );
    const bare = new Set(imported.flat().filter((path) => !/^(\.|node:)/.test(path)));
    expect([...bare].sort()).toEqual(declared.sort());
  });

  it('bring the command', async () => {
    const { stdout } = await run(join(folder, 'node_modules/.bin/syncline'), ['--help']);
    expect(stdout).toMatch(/^Usage: syncline /);
  });

  it('have types that hold without ours, and manuals that show what really happens', async () => {
    const all = await examples();
    expect(all.length).toBeGreaterThanOrEqual(9);
    await Promise.all(all.map((code, i) => writeFile(join(folder, `example-${i}.ts`), code)));
    const tsconfig = { compilerOptions: COMPILER_OPTIONS, include: ['*.ts'] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    const compiled = await run(process.execPath, [join(OURS, 'typescript/bin/tsc'), '-p', folder]).catch(
      (error) => error,
    );
    // Types of the cache manager name `cacheable`, which it does not need.
    const problems = compiled.stdout
      .split('\n')
      .filter((line: string) => !line.includes('/@nestjs/cache-manager/'));
    expect(problems).toEqual(['']);

    await Promise.all(
      all.map(async (code, i) => {
        const path = join(folder, `example-${i}.js`);
        const child = new Child(path, spawn(process.execPath, ['--unhandled-rejections=strict', path]));
        const expected = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, line]) => line);
        if (code.includes('enableShutdownHooks')) {
          await child.printed(/./);
          child.process.kill('SIGTERM');
        }
        await child.exited;
        expect(child.output.split('\n')).toEqual(expected);
      }),
    );
  });

  it('leave no rejection unhandled when nobody answers', async () => {
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
  });
});
