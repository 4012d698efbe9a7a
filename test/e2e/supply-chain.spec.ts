import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = (name: string) => join(process.cwd(), 'scripts', name);
const text = (file: string) => readFileSync(file, 'utf8');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'syncline-supply-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('npm run licences', () => {
  const licencesOf = async (...args: string[]) => {
    try {
      const { stdout } = await run(process.execPath, [script('licences.mjs'), ...args]);
      return { code: 0, says: stdout };
    } catch (error) {
      const { code, stderr } = error as { code: number; stderr: string };
      return { code, says: stderr };
    }
  };
  const lock = (licences: Record<string, string | undefined>) => {
    const packages = Object.entries(licences).map(([name, license]) => [
      `node_modules/${name}`,
      { version: '1.0.0', license },
    ]);
    writeFileSync(
      join(folder, 'package-lock.json'),
      JSON.stringify({ packages: { '': {}, ...Object.fromEntries(packages) } }),
    );
  };

  it('finds only permissive licences in what is shipped, and in the tools', async () => {
    const shipped = await licencesOf();
    expect([shipped.code, shipped.says]).toEqual([0, expect.stringMatching(/\d+\tMIT\n/)]);
    expect((await licencesOf('--all')).code).toBe(0);
    expect((await licencesOf('benchmarks', '--all')).code).toBe(0);
  });

  it('names the packages whose licence is not permissive, or missing', async () => {
    lock({ a: 'MIT', b: 'GPL-3.0-only', c: undefined, d: 'MIT AND AGPL-3.0', e: 'SSPL-1.0' });
    const { code, says } = await licencesOf(folder);
    expect(code).toBe(1);
    expect(says.trim().split('\n').slice(1)).toEqual([
      '  b@1.0.0: GPL-3.0-only',
      '  c@1.0.0: none',
      '  d@1.0.0: MIT AND AGPL-3.0',
      '  e@1.0.0: SSPL-1.0',
    ]);
  });

  it('takes a choice of licences with a permissive one', async () => {
    lock({ a: '(MIT OR GPL-3.0-only)', b: '(GPL-2.0 OR MIT) AND (Zlib OR MPL-2.0)' });
    expect((await licencesOf(folder)).code).toBe(0);
    lock({ a: '(MIT OR GPL-3.0-only) AND GPL-2.0' });
    expect((await licencesOf(folder)).code).toBe(1);
  });
});

it('npm run sbom lists what a node is shipped with', async () => {
  const { stdout } = await run('npm', ['run', '--silent', 'sbom'], { maxBuffer: 16_777_216 });
  const { bomFormat, components, dependencies } = JSON.parse(stdout);
  expect(bomFormat).toBe('CycloneDX');
  const names = components.map(({ purl }: { purl: string }) => purl.replace(/@[^@]*$/, ''));
  const { packages } = JSON.parse(text('package-lock.json'));
  const shipped = Object.entries<{ dev?: boolean }>(packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path]) => `pkg:npm/${path.replace(/.*node_modules\//, '').replace('@', '%40')}`);
  expect(shipped).toContain('pkg:npm/%40nestjs/core');
  expect(new Set(names)).toEqual(new Set(shipped));
  expect(dependencies.length).toBe(components.length + 1);
});

it('npm run pin-images pins every image that is not built here to the digest of its tag', async () => {
  const digest = (path: string) => `sha256:${Buffer.from(path).toString('hex').padEnd(64, '0').slice(-64)}`;
  const asked: string[] = [];
  const server = createServer(({ url = '', headers }, response) => {
    if (url.startsWith('/token')) response.end(JSON.stringify({ token: 't' }));
    else if (headers.authorization !== 'Bearer t') {
      const realm = `http://${headers.host}/token`;
      response.setHeader('WWW-Authenticate', `Bearer realm="${realm}",service="s",scope="pull"`);
      response.writeHead(401).end();
    } else {
      asked.push(url);
      response.setHeader('Docker-Content-Digest', digest(url)).end();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (const file of ['Dockerfile', 'docker-compose.yml']) copyFileSync(file, join(folder, file));
  const REGISTRY = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pin = () =>
    run(process.execPath, [script('pin-images.mjs')], { cwd: folder, env: { ...process.env, REGISTRY } });
  await pin();
  const pinned = text(join(folder, 'Dockerfile'));
  const [, tag = ''] = /^FROM node:([\w.-]+)/m.exec(text('Dockerfile')) ?? [];
  expect(new Set(asked)).toContain(`/v2/library/node/manifests/${tag}`);
  const from = [...pinned.matchAll(/^FROM (?!dependencies)(.*?)(?: AS|$)/gm)].map(([, image]) => image);
  expect(from).toEqual(from.map(() => `node:${tag}@${digest(`/v2/library/node/manifests/${tag}`)}`));
  const composed = text(join(folder, 'docker-compose.yml'));
  expect(composed).toMatch(/image: redis:[\w.-]+@sha256:[0-9a-f]{64}$/m);
  expect(composed).toMatch(/image: syncline-lock$/m);
  // A second time it takes the new digest in place of the old one.
  await pin();
  expect(text(join(folder, 'Dockerfile'))).toBe(pinned);
  server.close();
});

it('nothing reports an installation', () => {
  expect(JSON.parse(text('package.json')).scarfSettings).toEqual({ enabled: false });
  expect(text('scripts/install-when-stale.mjs')).toContain("SCARF_ANALYTICS: 'false'");
  const [beforeInstall = ''] = text('Dockerfile').split('npm ci');
  expect(beforeInstall).toContain('ENV SCARF_ANALYTICS=false');
});
