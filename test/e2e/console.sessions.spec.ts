import { hash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, NodeProcess, RedisServer, stopAll } from '@syncline/testing';

const SECRET = 'the-secret-of-an-operator';
const PRODUCER_SECRET = 'the-secret-of-a-producer';
const NEXT_SECRET = 'the-next-secret-of-an-operator';

describe('sessions of the console', () => {
  let redis: RedisServer;
  let lock: NodeProcess;
  let queue: NodeProcess;
  let folder: string;
  let cookie: string;

  const writeKeys = (secret: string) =>
    writeFileSync(
      join(folder, 'keys.json'),
      JSON.stringify({
        keys: [
          {
            name: 'operator',
            secrets: [{ hash: `sha256:${hash('sha256', secret, 'hex')}` }],
            grants: [
              { role: '*', actions: ['read'], names: ['*'] },
              { role: 'queue', actions: ['produce', 'configure'], names: ['billing:*'] },
            ],
          },
          {
            name: 'producer',
            secrets: [{ hash: `sha256:${hash('sha256', PRODUCER_SECRET, 'hex')}` }],
            grants: [{ role: 'queue', actions: ['produce'], names: ['*'] }],
          },
        ],
      }),
    );
  const ask = (path: string, init: RequestInit & { headers?: Record<string, string> } = {}, node = lock) =>
    fetch(`${node.url}${path}`, {
      ...init,
      headers: { 'Content-Type': 'application/json', ...init.headers },
    });
  const told = async (response: Response) => {
    const { code } = (await response.json()) as { code?: string };
    return [response.status, code];
  };
  const signIn = async (secret: string) => {
    const response = await ask('/console/session', { method: 'POST', body: JSON.stringify({ secret }) });
    return { status: response.status, setCookie: response.headers.get('set-cookie') ?? '' };
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'syncline-console-'));
    writeKeys(SECRET);
    redis = await RedisServer.start();
    const env = { API_KEYS_FILE: join(folder, 'keys.json') };
    [lock, queue] = await Promise.all([
      NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1', env }),
      NodeProcess.start('queue', { redisUrl: redis.url, nodeId: 'queue_1', env }),
    ]);
    const { setCookie } = await signIn(SECRET);
    cookie = setCookie.split(';')[0] ?? '';
  });
  afterAll(async () => {
    await stopAll([lock, queue].filter(Boolean));
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('opens none for a wrong secret', async () => {
    expect((await signIn('the-secret-of-nobody-here')).status).toBe(401);
  });

  it('holds at every node, with the rights of the key there', async () => {
    for (const node of [lock, queue]) {
      const made = await ask(
        '/console/api/queue/v1/queues/billing:invoices',
        { method: 'PUT', headers: { Cookie: cookie }, body: '{}' },
        node,
      );
      expect(made.status).toBe(200);
    }
    const other = { method: 'PUT', headers: { Cookie: cookie }, body: '{}' };
    const refused = await ask('/console/api/queue/v1/queues/other', other);
    expect(await told(refused)).toEqual([403, 'forbidden']);
    const revoked = await ask('/console/api/lock/v1/locks/some', { ...other, method: 'DELETE' });
    expect(revoked.status).toBe(403);
    const node = await ask('/console/api/queue_1/v1/node', { headers: { Cookie: cookie } });
    expect(await node.json()).toMatchObject({ nodeId: 'queue_1' });
  });

  it('is no key outside of the console', async () => {
    expect((await ask('/v1/locks', { headers: { Cookie: cookie } })).status).toBe(401);
    expect((await ask('/console/api/lock/v1/locks', { headers: { Cookie: cookie } })).status).toBe(200);
  });

  it('cannot be made up, changed or prolonged', async () => {
    const [name = '', until = '', signature = ''] = cookie.split('=')[1]?.split('.') ?? [];
    const later = Number(until) + 60_000;
    const flipped = `${signature.slice(0, -2)}${signature.endsWith('AA') ? 'BB' : 'AA'}`;
    const forged = [
      `${name}.${later}.${signature}`,
      `${name}.${until}.${flipped}`,
      `${name}.${until}.`,
      `${name}.NaN.${signature}`,
      `${Buffer.from('admin').toString('base64url')}.${until}.${signature}`,
      'x',
      '',
    ];
    for (const value of forged) {
      const response = await ask('/console/api/lock/v1/locks', {
        headers: { Cookie: `syncline_console=${value}` },
      });
      expect([value, response.status]).toEqual([value, 401]);
    }
  });

  it('is not used by the page of another site', async () => {
    const response = await ask('/console/api/queue/v1/queues/billing:invoices/pause', {
      method: 'POST',
      headers: { Cookie: cookie, Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
    });
    expect(response.status).toBe(403);
  });

  it('passes on what the other node answers: problems, methods, events', async () => {
    const missing = await ask('/console/api/queue/v1/queues/nothing', { headers: { Cookie: cookie } });
    expect(await told(missing)).toEqual([404, 'not-found']);
    const wrong = await ask('/console/api/queue/v1/queues', {
      method: 'PATCH',
      headers: { Cookie: cookie },
      body: '{}',
    });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const nobody = await ask('/console/api/cache/v1/caches', { headers: { Cookie: cookie } });
    expect(await told(nobody)).toEqual([503, 'store-unavailable']);
    const unknown = await ask('/console/api/lock_9/v1/node', { headers: { Cookie: cookie } });
    expect(unknown.status).toBe(404);
    for (const path of [
      'api/queue/health/live',
      'api/queue',
      'api/queue/metrics/../v1',
      'nothing',
      'main.js',
    ]) {
      const { status } = await ask(`/console/${path}`, { headers: { Cookie: cookie } });
      expect([path, status]).toEqual([path, 404]);
    }
  });

  it('works under a path of a proxy', async () => {
    const proxy: Server = createServer((request, response) => {
      const url = new URL((request.url ?? '').replace(/^\/tools\/syncline/, ''), lock.url);
      request.pipe(
        httpRequest(
          url,
          { method: request.method, headers: { ...request.headers, host: url.host } },
          (answer) => {
            response.writeHead(answer.statusCode ?? 500, answer.headers);
            answer.pipe(response);
          },
        ),
      );
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/tools/syncline/console`;
    const moved = await fetch(base, { redirect: 'manual' });
    expect(new URL(moved.headers.get('location') ?? '', base).href).toBe(`${base}/`);
    const page = await (await fetch(`${base}/`)).text();
    const [, script = ''] = /src="([^"]+\.js)"/.exec(page) ?? [];
    const loaded = await fetch(new URL(script, `${base}/`));
    expect([loaded.status, loaded.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=31536000, immutable',
    ]);
    proxy.closeAllConnections();
    proxy.close();
  });

  it('tells live of the roles that the key may read, and says of which it may not', async () => {
    const { body } = await ask('/console/live', { headers: { Cookie: cookie } });
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    while (!/event: queue\n/.test(text) || !/"role":"cache"/.test(text)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`It ended after: ${text}`);
      text += new TextDecoder().decode(value);
    }
    expect(text).toContain('"code":"store-unavailable"');
    await reader.cancel();
    const own = await ask('/console/overview', { headers: { Authorization: `Bearer ${PRODUCER_SECRET}` } });
    expect(await told(own)).toEqual([403, 'forbidden']);
    const live = await ask('/console/live', { headers: { Authorization: `Bearer ${PRODUCER_SECRET}` } });
    const first = await (live.body as ReadableStream<Uint8Array>).getReader().read();
    expect(new TextDecoder().decode(first.value)).toContain('"code":"forbidden"');
  });

  it('ends when its secret is replaced', async () => {
    const list = () => ask('/console/api/lock/v1/locks', { headers: { Cookie: cookie } });
    expect((await list()).status).toBe(200);
    const stream = await ask('/console/live', { headers: { Cookie: cookie } });
    const watched = stream.text();
    writeKeys(NEXT_SECRET);
    // It ends, and is not cut off.
    expect(await watched).toContain('event: lock');
    await eventually(async () => expect((await list()).status).toBe(401));
    expect((await signIn(NEXT_SECRET)).status).toBe(204);
  });

  it('goes on after Redis has lost its data: who signs in again is in', async () => {
    const client = redis.connect();
    await client.flushall();
    client.disconnect();
    const signedIn = await eventually(async () => {
      const { setCookie, status } = await signIn(NEXT_SECRET);
      expect(status).toBe(204);
      return setCookie.split(';')[0] ?? '';
    });
    await eventually(async () => {
      const response = await ask('/console/api/queue/v1/queues', { headers: { Cookie: signedIn } });
      expect(response.status).toBe(200);
    });
  });

  it('ends what it passes on when its node stops', async () => {
    const { setCookie } = await signIn(NEXT_SECRET);
    const headers = { Cookie: setCookie.split(';')[0] ?? '' };
    const stream = await ask('/console/api/queue/v1/events', { headers });
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    const ended = stream.text();
    expect(await lock.stop()).toBe(0);
    // Cut off, it would fail.
    expect(await ended).toContain('id: ');
  });
});
