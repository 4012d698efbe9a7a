import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROLES, type Role } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import request, { type Response } from 'supertest';

const folder = mkdtempSync(join(tmpdir(), 'syncline-quotas-'));
const file = join(folder, 'keys.json');
const secret = randomBytes(16).toString('hex');
const QUOTAS = { queues: 3, messageBytes: 100_000, entryBytes: 100_000, locks: 3, nearCacheBytes: 200_000 };

/** A key of a tenant with quotas, one of a tenant without them, and one of no tenant. */
const KEYS = ['small', 'large', 'none'] as const;
type Key = (typeof KEYS)[number];
const keyOf = (name: Key) => ({
  name,
  secrets: [{ hash: `sha256:${createHash('sha256').update(`${name}${secret}`).digest('hex')}` }],
  grants: [
    { role: 'lock', actions: ['read', 'lock', 'configure', 'purge'], names: ['*'] },
    { role: 'queue', actions: ['read', 'produce', 'consume', 'configure', 'purge'], names: ['*'] },
    { role: 'cache', actions: ['read', 'write', 'configure', 'purge'], names: ['*'] },
  ],
  ...(name !== 'none' && { tenant: name }),
});

let redis: RedisServer;
const nodes = {} as Record<Role, NodeProcess>;

beforeAll(async () => {
  const tenants = [{ name: 'small', quotas: QUOTAS }, { name: 'large' }];
  writeFileSync(file, JSON.stringify({ keys: KEYS.map(keyOf), tenants }));
  redis = await RedisServer.start();
  await Promise.all(
    ROLES.map(async (role) => {
      const env = { API_KEYS_FILE: file };
      nodes[role] = await NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1`, env });
    }),
  );
});
afterAll(async () => {
  await Promise.all(Object.values(nodes).map((node) => node.stop()));
  await redis.stop();
  rmSync(folder, { recursive: true });
});

type Method = 'get' | 'post' | 'put' | 'delete';
const ask = (role: Role, key: Key, method: Method, path: string, body?: object) => {
  const asked = request(nodes[role].url)[method](path).set('X-Api-Key', `${key}${secret}`);
  return body === undefined ? asked : asked.send(body);
};

/** Refused because of a quota. */
function expectBeyond({ status, headers, body }: Response, quota: string): void {
  expect({ status, code: body.code, retryAfter: headers['retry-after'] }).toEqual({
    ...{ status: 429, code: 'rate-limited', retryAfter: '1' },
  });
  expect(body.detail).toBe(`The tenant small may have ${quota}. Remove some, or try again later.`);
}

describe('the quota of queues', () => {
  const QUOTA = '3 queues';
  const put = (queue: string, body = {}, key: Key = 'small') =>
    ask('queue', key, 'put', `/v1/queues/${queue}`, body);
  const send = (queue: string) =>
    ask('queue', 'small', 'post', `/v1/queues/${queue}/messages`, { messages: [{ body: 1 }] });
  const names = async () =>
    (await ask('queue', 'small', 'get', '/v1/queues').expect(200)).body.queues.map(
      ({ name }: { name: string }) => name,
    );

  it('is exact however many are made at once, and whoever makes them', async () => {
    await send('q-sent').expect(201);
    const made = await Promise.all(Array.from({ length: 12 }, (_, i) => put(`q-${i}`)));
    const refused = made.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(10);
    for (const answer of refused) expectBeyond(answer, QUOTA);
    expectBeyond(await send('q-more'), QUOTA);
    const schedule = { queue: 'q-more', everyMs: 60_000, message: { body: 1 } };
    expectBeyond(await ask('queue', 'small', 'put', '/v1/schedules/s', schedule), QUOTA);
    expect(await names()).toHaveLength(3);
    const client = redis.connect();
    expect(await client.zcard('syncline:{queues}:names')).toBe(3);
    client.disconnect();
  });

  it('leaves those that there are: they are configured, used and removed, and then others have their place', async () => {
    await put('q-sent', { maxReceives: 1 }).expect(200);
    await send('q-sent').expect(201);
    const [first] = await names();
    await ask('queue', 'small', 'delete', `/v1/queues/${first}`).expect(204);
    await eventually(() => put('q-new').expect(200));
    expectBeyond(await put('q-newer'), QUOTA);
  });

  it('counts dead-letter queues, which are made beyond it, so that nothing is lost', async () => {
    expectBeyond(await put('q-sent', { maxReceives: 1, deadLetterQueue: 'elsewhere' }), QUOTA);
    const { body } = await ask('queue', 'small', 'post', '/v1/queues/q-sent/receive', { max: 2 });
    const receipts = body.messages.map(({ receipt }: { receipt: string }) => receipt);
    await ask('queue', 'small', 'post', '/v1/queues/q-sent/nack', { receipts }).expect(200);
    await eventually(async () => expect(await names()).toContain('q-sent.dead'));
    expectBeyond(
      await ask('queue', 'small', 'post', '/v1/queues/q-sent.dead/redrive', { to: 'elsewhere' }),
      QUOTA,
    );
    await ask('queue', 'small', 'post', '/v1/queues/q-sent.dead/redrive', {}).expect(200, { moved: 2 });
  });

  it('is of that tenant alone', async () => {
    for (const key of ['large', 'none'] as const) {
      for (let i = 0; i < 5; i++) await put(`q-${i}`, {}, key).expect(200);
    }
  });
});

describe('the quota of bytes of messages', () => {
  const QUOTA = '100000 bytes of messages';
  const send = (bytes: number, key: Key = 'small') =>
    ask('queue', key, 'post', '/v1/queues/q-sent/messages', { messages: [{ body: 'x'.repeat(bytes) }] });
  const stats = async () => (await ask('queue', 'small', 'get', '/v1/queues/q-sent').expect(200)).body.stats;

  it('refuses a send that is beyond it as a whole, and takes others when messages have gone', async () => {
    await ask('queue', 'small', 'post', '/v1/queues/q-sent/purge').expect(200);
    await eventually(() => send(60_000).expect(201));
    const { ready, bytes } = await stats();
    const answers = await Promise.all(Array.from({ length: 4 }, () => send(30_000)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const answer of answers) if (answer.status !== 201) expectBeyond(answer, QUOTA);
    expect(await stats()).toMatchObject({ ready: ready + 1, bytes: expect.any(Number) });
    expect((await stats()).bytes).toBeLessThan(100_000);
    expect((await stats()).bytes).toBeGreaterThan(bytes);
    await send(60_000, 'large').expect(201);
    await ask('queue', 'small', 'post', '/v1/queues/q-sent/purge').expect(200);
    await eventually(() => send(60_000).expect(201));
  });

  it('holds schedules up until there is room', async () => {
    const schedule = { queue: 'q-sent', everyMs: 86_400_000, message: { body: 1 } };
    await ask('queue', 'small', 'put', '/v1/schedules/s', schedule).expect(200);
    await eventually(async () => {
      const { status } = await send(90_000);
      if (status === 429) await ask('queue', 'small', 'post', '/v1/queues/q-sent/purge').expect(200);
      expect(status).toBe(201);
    });
    // Fills it to the last byte.
    const { bytes } = await stats();
    await eventually(() => send(100_000 - bytes - 20).expect(201));
    await eventually(async () =>
      expectBeyond(await ask('queue', 'small', 'post', '/v1/schedules/s/run'), QUOTA),
    );
    await ask('queue', 'small', 'post', '/v1/queues/q-sent/purge').expect(200);
    await eventually(() => ask('queue', 'small', 'post', '/v1/schedules/s/run').expect(200));
  });
});

describe('the quota of locks', () => {
  const QUOTA = '3 locks and semaphores at a time';
  const lease = () => ({ owner: 'o', leaseId: randomUUID(), ttlMs: 600_000 });
  const lock = (name: string, terms: object = lease(), key: Key = 'small') =>
    ask('lock', key, 'post', `/v1/locks/${name}/acquire`, terms);

  it('counts what is held in the script that grants, and leaves what is held', async () => {
    const first = lease();
    await lock('l-1', first).expect(200);
    const shared = lease();
    await ask('lock', 'small', 'post', '/v1/semaphores/l-1/acquire', { ...shared, limit: 5 }).expect(200);
    const set = { ...lease(), locks: [{ name: 'l-2' }, { name: 'l-3' }] };
    expectBeyond(await ask('lock', 'small', 'post', '/v1/locks/acquire', set), QUOTA);
    const operations = Array.from({ length: 6 }, (_, i) => ({ op: 'acquire', name: `l-b${i}`, ...lease() }));
    const batch = await ask('lock', 'small', 'post', '/v1/locks/batch', { operations }).expect(200);
    expect(batch.body.results.map(({ status }: { status: number }) => status)).toEqual([
      ...[200, 429, 429, 429, 429, 429],
    ]);
    expectBeyond(await lock('l-4'), QUOTA);
    expectBeyond(await lock('l-4', { ...lease(), waitMs: 60_000 }), QUOTA);
    const { body } = await ask('lock', 'small', 'get', '/v1/locks').expect(200);
    expect(body.locks.map(({ name }: { name: string }) => name)).toEqual(['l-1', 'l-b0']);
    // The same again, one more permit, a refusal of the lock, a place in its line: none is one more name.
    await lock('l-1', first).expect(200);
    await ask('lock', 'small', 'post', '/v1/semaphores/l-1/acquire', lease()).expect(200);
    expect((await lock('l-1')).body.code).toBe('lock-held');
    expect((await lock('l-1', { ...lease(), waitMs: 50 })).body.code).toBe('wait-timeout');
    await ask('lock', 'small', 'post', '/v1/locks/l-1/release', { leaseId: first.leaseId }).expect(200);
    await lock('l-4').expect(200);
    expectBeyond(await lock('l-1'), QUOTA);
  });

  it('counts a name that one call releases and acquires once', async () => {
    const one = lease();
    await ask('lock', 'small', 'delete', '/v1/locks/l-4').expect(200);
    const operations = [
      { op: 'acquire', name: 'l-5', ...one },
      { op: 'release', name: 'l-5', leaseId: one.leaseId },
      { op: 'acquire', name: 'l-6', ...lease() },
      { op: 'acquire', name: 'l-7', ...lease() },
    ];
    const batch = await ask('lock', 'small', 'post', '/v1/locks/batch', { operations }).expect(200);
    expect(batch.body.results.map(({ status }: { status: number }) => status)).toEqual([200, 200, 200, 429]);
  });

  it('is of that tenant alone', async () => {
    for (const key of ['large', 'none'] as const) {
      for (let i = 0; i < 5; i++) await lock(`l-${i}`, lease(), key).expect(200);
    }
  });
});

describe('the quota of bytes of entries', () => {
  const QUOTA = '100000 bytes of cache entries';
  const put = (key: string, bytes: number, who: Key = 'small') =>
    ask('cache', who, 'put', `/v1/caches/c/entries/${key}`)
      .set('Content-Type', 'text/plain')
      .send('x'.repeat(bytes));
  const stats = async (cache = 'c') =>
    (await ask('cache', 'small', 'get', `/v1/caches/${cache}`).expect(200)).body.stats;

  it('is of all caches of the tenant, and judged by what a write adds', async () => {
    await put('a', 40_000).expect(201);
    await ask('cache', 'small', 'post', '/v1/caches/d/mset', {
      entries: [{ key: 'b', value: 'x'.repeat(40_000) }],
    }).expect(200);
    expectBeyond(await put('e', 30_000), QUOTA);
    await ask('cache', 'small', 'get', '/v1/caches/c/entries/e').expect(404);
    const entries = ['f', 'g', 'h'].map((key) => ({ key, value: 'x'.repeat(15_000) }));
    const mset = await ask('cache', 'small', 'post', '/v1/caches/c/mset', { entries }).expect(200);
    const refused = mset.body.results.filter(({ status }: { status: unknown }) => status === 429);
    expect(refused).toHaveLength(2);
    expect((await stats()).bytes + (await stats('d')).bytes).toBeLessThan(100_000);
    // Again and again: what is replaced makes nothing grow.
    for (let i = 0; i < 5; i++) await put('a', 40_000).expect(200);
    await put('small', 10).expect(201);
    await put('a', 50_000, 'large').expect(201);
  });

  it('counts what a counter adds, and lets what there is shrink and go', async () => {
    const increment = (key: string) =>
      ask('cache', 'small', 'post', `/v1/caches/c/entries/${key}/increment`, { by: 1 });
    await increment('n').expect(200);
    const left = 100_000 - (await stats()).bytes - (await stats('d')).bytes;
    await eventually(() => put('rest', left - 'rest'.length).expect(201));
    expectBeyond(await increment('m'), QUOTA);
    await increment('n').expect(200);
    await put('a', 1).expect(200);
    await eventually(() => increment('m').expect(200));
    await ask('cache', 'small', 'delete', '/v1/caches/d').expect(204);
    await eventually(() => put('e', 30_000).expect(201));
  });
});

it('near caches of a tenant have so many bytes at a node', async () => {
  await ask('cache', 'small', 'delete', '/v1/caches/c').expect(204);
  const caches = ['n-1', 'n-2'];
  const bytesOf = async (key: Key) => {
    const shown = await Promise.all(caches.map((cache) => ask('cache', key, 'get', `/v1/caches/${cache}`)));
    return shown.reduce((sum, { body }) => sum + body.stats.node.bytes, 0);
  };
  // An entry of 1 byte takes about 1,000 in the memory of a node.
  const keys = Array.from({ length: 150 }, (_, i) => `k${i}`);
  for (const key of ['small', 'large'] as const) {
    for (const cache of caches) {
      const entries = keys.map((each) => ({ key: each, value: 1 }));
      await eventually(async () => {
        const { body } = await ask('cache', key, 'post', `/v1/caches/${cache}/mset`, { entries });
        expect(body.results.every(({ status }: { status: string }) => typeof status === 'string')).toBe(true);
      });
      for (let i = 0; i < 2; i++) {
        await ask('cache', key, 'post', `/v1/caches/${cache}/mget`, { keys }).expect(200);
      }
    }
  }
  await eventually(async () => expect(await bytesOf('large')).toBeGreaterThan(250_000));
  expect(await bytesOf('small')).toBeLessThanOrEqual(QUOTAS.nearCacheBytes);
  expect(await bytesOf('small')).toBeGreaterThan(50_000);
});

it('the metrics tell what tenants take up, and what they were refused', async () => {
  const metricsOf = async (role: Role) => (await request(nodes[role].url).get('/metrics').expect(200)).text;
  expect(await metricsOf('lock')).toMatch(/tenant_refusals_total\{tenant="small",quota="locks"\} \d+/);
  const ofQueues = await metricsOf('queue');
  expect(ofQueues).toMatch(/tenant_used\{tenant="small",quota="messageBytes"\} \d+/);
  expect(ofQueues).toMatch(/tenant_refusals_total\{tenant="small",quota="queues"\} \d+/);
  expect(await metricsOf('cache')).toMatch(/tenant_used\{tenant="small",quota="nearCacheBytes"\} \d+/);
});
