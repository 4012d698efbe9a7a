import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Syncline, TlsError } from '@syncline/client';
import { ROLES } from '@syncline/contracts';
import { Certificates, eventually, NodeProcess, RedisServer, startInVain, stopAll } from '@syncline/testing';
import { Agent, request } from 'undici';
import { Cli } from './cli.process.js';
import { sendRaw } from './raw-http.js';

const certificates = new Certificates();
const strangers = new Certificates();
const own = certificates.issue('127.0.0.1');
const ca = certificates.read(certificates.ca);
const folder = mkdtempSync(join(tmpdir(), 'syncline-node-tls-'));
const files = { TLS_CERT: join(folder, 'tls.crt'), TLS_KEY: join(folder, 'tls.key') };

const serve = ({ cert, key }: { cert: string; key: string }) => {
  copyFileSync(cert, files.TLS_CERT);
  copyFileSync(key, files.TLS_KEY);
};

afterAll(() => {
  for (const each of [certificates, strangers]) each.remove();
  rmSync(folder, { recursive: true });
});

describe('Nodes with TLS_CERT and TLS_KEY', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  let lock: NodeProcess;
  const urls = () => Object.fromEntries(nodes.map(({ role, url }) => [role, [url]]));

  beforeAll(async () => {
    serve(own);
    redis = await RedisServer.start();
    nodes = await Promise.all(
      ROLES.map((role) => {
        const PEERS = `${role}_1@127.0.0.1:1,${role}_2@peer.example:2`;
        return NodeProcess.start(role, {
          redisUrl: redis.url,
          nodeId: `${role}_1`,
          env: { ...files, PEERS },
        });
      }),
    );
    [lock] = nodes as [NodeProcess];
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('serve the client of each role, over requests and over call streams', async () => {
    const syncline = new Syncline({ ...urls(), ca });
    const [queue, cache] = [syncline.queue('tls'), syncline.cache('tls')];
    for (let round = 0; round < 20; round++) {
      await (await syncline.lock.acquire('tls')).release();
      await queue.send(round);
      await cache.set('key', round);
    }
    expect(await cache.get('key')).toBe(19);
    await syncline.close();
    const agent = new Agent({ connect: { ca } });
    for (const { url } of nodes) {
      const metrics = await (await request(`${url}/metrics`, { dispatcher: agent })).body.text();
      expect(metrics).toMatch(/http_request_duration_seconds_count\{method="POST"/);
    }
    await agent.close();
  });

  it('announce https URLs, and serve Swagger UI', async () => {
    const agent = new Agent({ connect: { ca } });
    const get = async (path: string) => (await request(lock.url + path, { dispatcher: agent })).body.text();
    const { members } = JSON.parse(await get('/v1/cluster'));
    expect(members.map(({ url }: { url: string }) => url)).toEqual([
      'https://127.0.0.1:1',
      'https://peer.example:2',
    ]);
    expect(await get('/api/doc')).toContain('swagger-ui');
    await agent.close();
  });

  it('are refused by a client that does not trust them, with what to set', async () => {
    for (const [options, says] of [
      [{}, 'set `ca`'],
      [{ ca: strangers.read(strangers.ca) }, 'set `ca`'],
    ] as const) {
      const syncline = new Syncline({ ...urls(), ...options });
      const refused = syncline.lock.acquire('tls');
      await expect(refused).rejects.toThrow(TlsError);
      await expect(refused).rejects.toThrow(says);
      await syncline.close();
    }
    const named = new Syncline({ lock: [lock.url.replace('127.0.0.1', 'localhost')], ca });
    await expect(named.lock.acquire('tls')).rejects.toThrow('for another host');
    await named.close();
  });

  it('are called by the command line with --ca or SYNCLINE_CA', async () => {
    const cli = new Cli(nodes, { SYNCLINE_CA: certificates.ca });
    expect(await cli.json('lock', 'ls')).toEqual([]);
    const without = new Cli(nodes);
    expect(await without.json('lock', 'ls', '--ca', certificates.ca)).toEqual([]);
    const refused = await without.run(['lock', 'ls']);
    expect([refused.code, refused.stderr]).toEqual([expect.any(Number), expect.stringContaining('--ca')]);
    const missing = await without.run(['lock', 'ls', '--ca', '/nowhere']);
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('/nowhere')]);
  });

  it('speak TLS 1.2 and newer, and outlive clients that speak something else', async () => {
    const { port } = new URL(lock.url);
    const speak = (version: 'TLSv1.1' | 'TLSv1.2') =>
      new Promise<string | undefined>((resolve) => {
        const socket = connect({
          port: Number(port),
          host: '127.0.0.1',
          ca,
          minVersion: version,
          maxVersion: version,
          ciphers: 'DEFAULT@SECLEVEL=0',
        });
        socket.once('secureConnect', () => {
          resolve(socket.getProtocol() ?? undefined);
          socket.destroy();
        });
        socket.once('error', () => resolve(undefined));
      });
    expect(await speak('TLSv1.2')).toBe('TLSv1.2');
    expect(await speak('TLSv1.1')).toBeUndefined();
    expect(await sendRaw(lock.url, ['GET /health/live HTTP/1.1', 'Host: localhost'])).toBeNull();
    const agent = new Agent({ connect: { ca } });
    expect((await request(`${lock.url}/health/live`, { dispatcher: agent })).statusCode).toBe(200);
    await agent.close();
    expect(lock.output).not.toMatch(/"level":50/);
  });

  it('take a new certificate under load, and refuse files that do not fit', async () => {
    const serialOf = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({ port: Number(new URL(lock.url).port), host: '127.0.0.1', ca }, () => {
          resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
          socket.destroy();
        }).once('error', reject);
      });
    let ending = false;
    let answered = 0;
    const load = async (syncline: Syncline) => {
      while (!ending) {
        await (await syncline.lock.acquire(`load-${answered}`)).release();
        answered += 1;
      }
      await syncline.close();
    };
    // Connections of their own: some go on over the renewal, and new ones are opened all the time.
    const load2 = async () => {
      while (!ending) {
        const agent = new Agent({ connect: { ca } });
        const { statusCode, body } = await request(`${lock.url}/health/live`, { dispatcher: agent });
        await body.dump();
        await agent.close();
        expect(statusCode).toBe(200);
        answered += 1;
      }
    };
    const clients = Promise.all([load(new Syncline({ ...urls(), ca })), load2(), load2()]);

    const first = await serialOf();
    const renewed = certificates.issue('127.0.0.1');
    writeFileSync(files.TLS_KEY, readFileSync(renewed.key));
    await lock.printed(/The certificate is not renewed: the certificate in .* is not of the key in/);
    expect(await serialOf()).toBe(first);
    writeFileSync(files.TLS_CERT, readFileSync(renewed.cert));
    await lock.printed(/The certificate was renewed/);
    await eventually(async () => expect(await serialOf()).not.toBe(first));

    const after = answered + 50;
    await eventually(() => expect(answered).toBeGreaterThan(after));
    ending = true;
    await clients;
  });
});

it('A node whose TLS files are a mistake exits, and says in one line which', async () => {
  const { cert, key } = own;
  const text = join(folder, 'text');
  writeFileSync(text, 'nothing');
  await Promise.all(
    (
      [
        [{ TLS_CERT: cert }, 'set both, or neither'],
        [{ TLS_CERT: '/nowhere', TLS_KEY: key }, 'cannot read the file /nowhere (ENOENT)'],
        [{ TLS_CERT: text, TLS_KEY: key }, 'has no certificate in PEM'],
        [{ TLS_CERT: cert, TLS_KEY: text }, 'has no private key in PEM'],
        [{ TLS_CERT: cert, TLS_KEY: certificates.issue('other.example').key }, 'is not of the key in'],
      ] as const
    ).map(async ([env, says]) => {
      const { code, output } = await startInVain('lock', env);
      const lines = output.split('\n').filter((line) => line.includes('TLS_CERT, TLS_KEY: '));
      expect([code, lines]).toEqual([1, [expect.stringContaining(says)]]);
      expect(output).not.toContain('PRIVATE KEY');
    }),
  );
});
