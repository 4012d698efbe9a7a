import { once } from 'node:events';
import type { StreamedAnswer } from '@syncline/contracts';
import { eventually } from '@syncline/testing';
import { WebSocket } from 'ws';
import { NodesStage } from '../stages/nodes-stage.js';

describe('a fill lease', () => {
  const stage = NodesStage.forTests('cache', 2);

  const call = async (node: number, method: string, path: string, body: object, headers = {}) => {
    const response = await fetch(`${stage.node(node).url}/v1/caches/${stage.name}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  const fill = (node: number, body: object, key = 'k') => call(node, 'POST', `/entries/${key}/fill`, body);
  const lease = async (body: object = {}) => (await fill(0, body)).body.fillLease as string;
  const renew = (id: string, body: object = {}) => call(1, 'POST', `/entries/k/fill/${id}/renew`, body);
  const giveBack = (id: string, body: object = {}) => call(1, 'DELETE', `/entries/k/fill/${id}`, body);
  const store = (id: string, query = '') =>
    call(0, 'PUT', `/entries/k${query}`, { computed: true }, { 'X-Fill-Lease': id });
  const waiting = async (count: number) => {
    const client = stage.redis.connect();
    try {
      await eventually(async () =>
        expect(await client.scard(`syncline:{cache:${stage.name}}:w:k`)).toBe(count),
      );
    } finally {
      client.disconnect();
    }
  };

  it('is kept as long as it is renewed', async () => {
    const id = await lease({ leaseMs: 2_000 });
    const until = performance.now() + 3_000;
    while (performance.now() < until) {
      const { status, body } = await renew(id, { leaseMs: 10_000 });
      expect(status).toBe(200);
      expect(body).toEqual({ fillLease: id, expiresAt: expect.stringMatching(/Z$/) });
      expect((await fill(1, {})).body.code).toBe('wait-timeout');
    }
    expect((await store(id)).status).toBe(201);
    expect((await renew(id)).body.code).toBe('version-mismatch');
  });

  it.each([
    ['was made up', async () => 'nonsense'],
    ['was given back', async (id: string) => void (await giveBack(id))],
    ['was overtaken by a write', async () => void (await call(1, 'PUT', '/entries/k', {}))],
    ['was overtaken by a delete', async () => void (await call(1, 'DELETE', '/entries/k', {}))],
    ['was overtaken by a flush', async () => void (await call(1, 'DELETE', '', {}))],
    ['was overtaken by a prefix', async () => void (await call(1, 'POST', '/invalidate', { prefix: 'k' }))],
    ['was overtaken by a tag', async () => void (await call(1, 'POST', '/invalidate', { tags: ['t'] }))],
  ])('that %s is kept no more, and stores nothing', async (_, happen) => {
    const id = await lease({ tags: ['t'] });
    const other = (await happen(id)) ?? id;
    expect((await renew(other)).status).toBe(412);
    expect((await store(other, '?tags=t')).status).toBe(412);
  });

  it('that an invalidation made void holds up nobody', async () => {
    await lease({ tags: ['t'], leaseMs: 60_000 });
    await call(1, 'POST', '/invalidate', { tags: ['t'] });
    expect((await fill(1, {})).body.status).toBe('lease');
  });

  it('that is given back goes to the first who waits, at once', async () => {
    const id = await lease({ leaseMs: 60_000 });
    const waiters = [fill(0, { waitMs: 30_000 }), fill(1, { waitMs: 30_000 })];
    await waiting(2);
    expect((await giveBack(id)).status).toBe(204);
    const { body } = await Promise.race(waiters);
    expect(body).toEqual({ status: 'lease', fillLease: expect.any(String) });
    expect((await store(body.fillLease)).status).toBe(201);
    const statuses = (await Promise.all(waiters)).map((answer) => answer.body.status).sort();
    expect(statuses).toEqual(['hit', 'lease']);
    expect((await giveBack(id)).status).toBe(204);
  });

  it('that is given back with a reason tells it to those who wait', async () => {
    const id = await lease({ leaseMs: 60_000 });
    const reason = 'the database is away: "ü"';
    let told = 0;
    const waiters = Array.from({ length: 10 }, async (_, i) => {
      const { status, body } = await fill(i % 2, { waitMs: 30_000 });
      if (status === 409) {
        expect([body.code, body.detail]).toEqual(['fill-failed', reason]);
        told += 1;
      } else {
        // It came after the others were told, and does the same.
        expect((await giveBack(body.fillLease, { reason })).status).toBe(204);
      }
    });
    await waiting(2);
    await giveBack(id, { reason });
    await Promise.all(waiters);
    expect(told).toBeGreaterThan(0);
    expect((await fill(1, {})).body.status).toBe('lease');
    expect((await giveBack(id, { reason: 'x'.repeat(257) })).status).toBe(400);
  });

  it('is not granted for what would be refused', async () => {
    for (const odd of [{ ttlMs: 1.5 }, { ttlMs: 0 }, { staleMs: -1 }, { tags: ['a,b'] }, { leaseMs: 1 }]) {
      expect((await fill(0, odd)).status).toBe(400);
    }
    expect((await fill(0, {})).body.status).toBe('lease');
  });

  it('brings its value from Redis to a node once, however many wait there', async () => {
    const id = await lease({ leaseMs: 60_000 });
    const socket = new WebSocket(`${stage.node(1).url.replace('http', 'ws')}/v1/calls`);
    await once(socket, 'open');
    const answers: StreamedAnswer[] = [];
    socket.on('message', (data: Buffer) => answers.push(...JSON.parse(data.toString())));
    const path = `/v1/caches/${stage.name}/entries/k/fill`;
    const waiters = Array.from({ length: 60 }, (_, i) => ({ id: i + 1, path, body: { waitMs: 30_000 } }));
    const last = { id: 61, path: `/v1/caches/${stage.name}/mget`, body: { keys: ['other'] } };
    // A node takes the calls of a stream in their order: when the last is answered, all before it wait.
    socket.send(JSON.stringify([...waiters, last]));
    await eventually(() => expect(answers.map(({ id }) => id)).toEqual([last.id]));
    await waiting(1);
    const client = stage.redis.connect();
    const sent = async () => Number(/total_net_output_bytes:(\d+)/.exec(await client.info('stats'))?.[1]);
    const before = await sent();
    const value = 'x'.repeat(300_000);
    expect((await call(0, 'PUT', '/entries/k', { value }, { 'X-Fill-Lease': id })).status).toBe(201);
    await eventually(() => expect(answers).toHaveLength(waiters.length + 1));
    expect((await sent()) - before).toBeLessThan(5_000_000);
    client.disconnect();
    socket.terminate();
    for (const { body } of answers.slice(1)) {
      expect((body as { value: { value: string } }).value.value.length).toBe(value.length);
    }
  });

  it('is not for the keys . and .., which cannot stand in a path', async () => {
    const raw = (path: string) => call(0, 'POST', path, {});
    for (const key of ['.', '..']) {
      const stored = await call(0, 'POST', '/mset', { entries: [{ key, value: 1 }] });
      expect(stored.status).toBe(200);
    }
    // Node's fetch normalises these to other paths: none of them may do anything.
    for (const path of ['/entries/%2e%2e', '/entries/%2e', '/entries/..', '/entries/.']) {
      for (const method of ['DELETE', 'PUT']) expect((await call(0, method, path, {})).status).toBe(404);
      // Some become the path of the key `increment`, which takes no POST.
      expect([404, 405]).toContain((await raw(`${path}/increment`)).status);
    }
    const { body } = await call(1, 'POST', '/mget', { keys: ['.', '..'] });
    expect(body.entries.map(({ found }: { found: boolean }) => found)).toEqual([true, true]);
  });
});
