import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Child, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import ts from 'typescript';
import { install as installProject, problemsOf } from '../packages/project.js';
import { NEST_11_IN_JEST } from '../packages/projects.js';

const run = promisify(execFile);
const PACKAGES = ['client', 'embedded', 'cli', 'nestjs', 'keyv', 'next', 'otel'];
const pagesIn = (folder: string) => readdirSync(folder).map((page) => join(folder, page));
const FEATURES = pagesIn('docs/features');
const COMING_FROM = pagesIn('docs/coming-from');
const READMES = PACKAGES.map((name) => `libs/${name}/README.md`);
const MANUALS = [
  'docs/client.md',
  'docs/embedded.md',
  'docs/nestjs.md',
  'docs/tracing.md',
  ...READMES,
  ...FEATURES,
  ...COMING_FROM,
];
/** Its program of another package is one of ours, too: nodes answer it. */
const FROM_SQS = 'docs/coming-from/sqs.md';
/** Where the packages are that users come from: only those who run the benchmarks have them. */
const PEERS = join(process.cwd(), 'benchmarks');
const OURS = join(process.cwd(), 'node_modules');
/** Other dependencies of a user's application: peers, and imports of the examples. */
const BESIDE = [
  '@nestjs/cache-manager',
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/platform-express',
  '@nestjs/terminus',
  '@nestjs/testing',
  '@nestjs/throttler',
  '@opentelemetry/api',
  '@opentelemetry/sdk-trace-node',
  '@types/node',
  'cache-manager',
  'keyv',
  'reflect-metadata',
  'rxjs',
];
/** Compiler options of Nest's own starter project. */
const COMPILER_OPTIONS = {
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};

/** Folder of a user: the published packages, their dependencies, and nothing else of this repository. */
let folder: string;
let redis: RedisServer;
let nodes: NodeProcess[] = [];

const installed = (name: string) => join(folder, 'node_modules/@syncline', name);

/** The environment without the variables of the npm that runs this test: they would make npm install into this repository. */
const npm = (...args: string[]) =>
  run('npm', args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, npm_config_update_notifier: 'false' },
  });

interface Manifest {
  readonly version?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}
const manifestIn = async (path: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(path, 'package.json'), 'utf8'));

/** Copies a dependency with its own dependencies to a place where npm finds it without a download. */
async function provide(name: string, seen: Set<string>): Promise<void> {
  if (seen.has(name)) return;
  seen.add(name);
  await cp(join(OURS, name), join(folder, 'node_modules', name), { recursive: true });
  const { dependencies = {}, bin = {} } = await manifestIn(join(OURS, name));
  // npm would download a package again whose commands are not there.
  const commands = join(folder, 'node_modules/.bin');
  await mkdir(commands, { recursive: true });
  for (const [command, file] of Object.entries(typeof bin === 'string' ? { [name]: bin } : bin)) {
    await symlink(join('..', name, file), join(commands, command));
  }
  for (const each of Object.keys(dependencies)) await provide(each, seen);
}

async function install(): Promise<void> {
  // The global set-up of the tests has built them.
  const built = join(process.cwd(), 'dist/packages');
  await Promise.all(PACKAGES.map((name) => npm('pack', join(built, name))));
  const manifests = await Promise.all(PACKAGES.map((name) => manifestIn(join(built, name))));
  const needed = manifests.flatMap(({ dependencies = {} }) => Object.keys(dependencies));
  const seen = new Set<string>();
  for (const name of [...BESIDE, ...needed]) if (!name.startsWith('@syncline/')) await provide(name, seen);
  const dependencies = Object.fromEntries(BESIDE.map((name) => [name, '*']));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', dependencies }));
  const tarballs = (await readdir(folder)).filter((name) => name.endsWith('.tgz')).map((name) => `./${name}`);
  // npm would have to download a dependency that differs from its declaration: that fails. npm always looks up peers.
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

/** The examples of some pages in a language, with the URLs of this test's nodes and Redis. */
async function examples(paths: readonly string[], language: 'ts' | 'js') {
  const pages = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  return pages
    .flatMap((page) => [...page.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))])
    .map(([, code = '']) =>
      code
        .replaceAll('redis://localhost:6379', redis.url)
        .replaceAll(
          /http:\/\/localhost:800(\d)/g,
          (_, port) => nodes[Math.floor((Number(port) - 1) / 3)]?.url ?? '',
        ),
    );
}

/** What the comments of an example say that it prints. */
const printedBy = (code: string) =>
  [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, line]) => line);

describe('the published packages', () => {
  it.each(PACKAGES)('declare all their dependencies: %s', async (name) => {
    const { dependencies, peerDependencies } = await manifestIn(installed(name));
    const declared = Object.keys({ ...dependencies, ...peerDependencies });
    const files = await readdir(join(installed(name), 'dist'), { recursive: true });
    const sources = files.filter((path) => /\.(js|ts)$/.test(path));
    expect(files).toContain(name === 'cli' ? 'main.js.map' : 'index.js.map');
    expect(sources.filter((path) => path.includes('.spec.'))).toEqual([]);
    const imported = await Promise.all(
      sources.map(async (path) => {
        const text = await readFile(join(installed(name), 'dist', path), 'utf8');
        return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
      }),
    );
    const bare = new Set(
      imported
        .flat()
        .filter((path) => !path.startsWith('.') && !isBuiltin(path))
        .map((path) => path.replace(/^(@syncline\/\w+)\/.*/, '$1')),
    );
    expect([...bare].sort()).toEqual(declared.sort());
  });

  it.each(PACKAGES)('are described by files of their own, without dead links: %s', async (name) => {
    const files = await readdir(installed(name));
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'manual.md']));
    const pages = await Promise.all(
      ['README.md', 'manual.md'].map((page) => readFile(join(installed(name), page), 'utf8')),
    );
    expect(pages.join('').match(/\]\((?!https?:|#)[^)]*\)/g)).toBeNull();
    const { version, engines } = await manifestIn(installed(name));
    expect(engines?.node).toBe('^20.19.0 || >=22.12.0');
    expect(await readFile('docs/install.md', 'utf8')).toContain(`syncline-${name}-${version}.tgz`);
  });

  it('work in a CommonJS project as Nest 11 makes it, which jest loads', async () => {
    const home = join(folder, 'nest-11');
    const tarballs = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    const paths = tarballs.map((name) => join(folder, name));
    await installProject(home, NEST_11_IN_JEST, paths);
    expect(await problemsOf(home, NEST_11_IN_JEST, OURS, redis.url)).toEqual([]);
  });

  it('install the syncline command', async () => {
    const { stdout } = await run(join(folder, 'node_modules/.bin/syncline'), ['--help']);
    expect(stdout).toMatch(/^Usage: syncline /);
  });

  it('have self-contained types, and manuals whose examples compile', async () => {
    const all = await examples(MANUALS, 'ts');
    expect(all.length).toBeGreaterThanOrEqual(13);
    await Promise.all(all.map((code, i) => writeFile(join(folder, `example-${i}.ts`), code)));
    const tsconfig = { compilerOptions: COMPILER_OPTIONS, include: ['*.ts'] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    const compiled = await run(process.execPath, [join(OURS, 'typescript/bin/tsc'), '-p', folder]).catch(
      (error) => error,
    );
    // The types of the cache manager import `cacheable`, which it does not need at run time.
    const problems = compiled.stdout
      .split('\n')
      .filter((line: string) => !line.includes('/@nestjs/cache-manager/'));
    expect(problems).toEqual(['']);
  });

  it('have manuals whose examples run', async () => {
    const all = await examples(MANUALS, 'ts');
    // A few at a time: all at once would keep each other waiting beyond their own deadlines.
    const programs = all.entries();
    const runTheRest = async () => {
      for (const [i, code] of programs) {
        const path = join(folder, `example-${i}.js`);
        const child = new Child(path, spawn(process.execPath, ['--unhandled-rejections=strict', path]));
        const expected = printedBy(code);
        if (code.includes('enableShutdownHooks')) {
          await child.printed(/./);
          child.process.kill('SIGTERM');
        }
        await child.exited;
        expect(child.output.split('\n')).toEqual(expected);
      }
    };
    await Promise.all(Array.from({ length: 4 }, runTheRest));
  });

  it('stand in the manuals beside programs of other packages, which run where these are installed', async () => {
    const all = await examples(existsSync(join(PEERS, 'node_modules')) ? COMING_FROM : [FROM_SQS], 'js');
    await Promise.all(
      all.map(async (code) => {
        const args = ['--no-warnings', '--input-type=module', '--eval', code];
        const child = new Child('peer', spawn(process.execPath, args, { cwd: PEERS }));
        expect([await child.exited, child.output.split('\n')]).toEqual([0, printedBy(code)]);
      }),
    );
  });

  it.each([
    ['module.mjs', "import { Syncline } from '@syncline/client';"],
    ['common.cjs', "const { Syncline } = require('@syncline/client');"],
  ])('find the thread that keeps a message while its handler blocks: %s', async (file, imported) => {
    const path = join(folder, file);
    await writeFile(
      path,
      `${imported}
       const s = new Syncline({ queue: ['${nodes[1]?.url}'] });
       const queue = s.queue('${file}');
       const handled = () => new Promise((resolve) => {
         s.worker('${file}', () => {
           const until = Date.now() + 3_500;
           while (Date.now() < until);
           resolve();
         }, { visibilityTimeoutMs: 1_500 });
       });
       queue.send(1).then(handled).then(() => s.close()).then(async () => {
         const after = new Syncline({ queue: ['${nodes[1]?.url}'] });
         const { stats } = await after.queue('${file}').inspect();
         console.log(stats.received, stats.failed, stats.acked);
         await after.close();
       });`,
    );
    const { stdout } = await run(process.execPath, ['--unhandled-rejections=strict', path]);
    expect(stdout.trim()).toBe('1 0 1');
  });

  it('leave no unhandled rejection when no node answers', async () => {
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
    // A busy machine may not have tried before the deadline. DOMException code 23 is TimeoutError.
    expect(stdout.trim()).toMatch(/^(?:(?:connection-failed|deadline-exceeded),){9}23$/);
  });
});
