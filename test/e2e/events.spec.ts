import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Event, eventSchema, ROLES, type Role } from '@syncline/contracts';
import { eventually, NodeProcess, RedisCluster, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { EventStream } from './event-stream.js';
import { acquire, call, describeLock, release } from './lock.calls.js';

const streams: EventStream[] = [];
async function follow(node: NodeProcess, more: { after?: string; key?: string } = {}) {
  const stream = await EventStream.open(node, 'events', more);
  streams.push(stream);
  // From now on.
  await eventually(() => expect(stream.lastId).toMatch(/^\d+-\d+$/));
  return stream;
}
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
});

/** What a stream told of a name, as the contract has it. */
const toldOf = (stream: EventStream, name: string | null): Event[] =>
  stream.events
    .filter(({ data }) => data.name === name)
    .map(({ event, data }) => {
      expect(event).toBe(data.type);
      return eventSchema.parse(data);
    });

describe('events of a role, on a Redis Cluster,', () => {
  let redis: RedisCluster;
  const nodes = {} as Record<Role, [NodeProcess, NodeProcess]>;

  beforeAll(async () => {
    redis = await RedisCluster.start();
    await Promise.all(
      ROLES.map(async (role) => {
        nodes[role] = (await startNodes(role, 2, { redisUrl: redis.url })) as [NodeProcess, NodeProcess];
      }),
    );
  });
  afterAll(async () => {
    await stopAll(Object.values(nodes).flat());
    await redis.stop();
  });

  it('tell at any node of leases that are granted after a wait, lost and revoked, and of deadlocks', async () => {
    const [one, two] = nodes.lock;
    const stream = await follow(two);
    const { body: first } = await acquire(one, 'waited', { owner: 'a/1' });
    const waiting = acquire(one, 'waited', { owner: 'b c', waitMs: 10_000 });
    await eventually(async () => expect((await describeLock(one, 'waited')).waiters).toHaveLength(1));
    await release(one, first);
    const { body: second } = await waiting;
    await call(one, 'DELETE', 'locks/waited', {});
    await acquire(one, 'waited', { owner: 'é/%', ttlMs: 100 });
    await eventually(() =>
      expect(toldOf(stream, 'waited')).toMatchObject([
        { type: 'granted', owner: 'b c', kind: 'lock', fencingToken: second.fencingToken, nodeId: 'lock_1' },
        { type: 'revoked', owner: 'b c', fencingToken: second.fencingToken },
        { type: 'lost', owner: 'é/%', reason: 'ttl' },
      ]),
    );

    await acquire(one, 'left', { owner: 'l' });
    await acquire(two, 'right', { owner: 'r' });
    const older = acquire(one, 'right', { owner: 'l', waitMs: 20_000 });
    await eventually(async () => expect((await describeLock(one, 'right')).waiters).toHaveLength(1));
    expect((await acquire(two, 'left', { owner: 'r', waitMs: 20_000 })).status).toBe(409);
    await eventually(() =>
      expect(toldOf(stream, 'left')).toMatchObject([
        {
          type: 'deadlock',
          victim: 'r',
          steps: 2,
          cycle: [
            { owner: 'r', waitsFor: 'left', heldBy: 'l' },
            { owner: 'l', waitsFor: 'right', heldBy: 'r' },
          ],
        },
      ]),
    );
    await call(one, 'DELETE', 'locks/right', {});
    await older;
  });

  it('tell of dead, stalled, redriven and purged messages, of pauses and of schedules', async () => {
    const [one, two] = nodes.queue;
    const stream = await follow(two);
    const post = (path: string, body: object = {}) => call(one, 'POST', `queues/${path}`, body);
    await call(one, 'PUT', 'queues/orders', { maxReceives: 2, visibilityTimeoutMs: 200 });
    await post('orders/messages', { messages: [{ body: 1 }, { body: 2 }, { body: 3 }] });
    const { body } = await post('orders/receive', { max: 2, visibilityTimeoutMs: 60_000 });
    await post('orders/nack', {
      receipts: body.messages.map(({ receipt }: { receipt: string }) => receipt),
      dead: true,
    });
    // Received by somebody who dies.
    await post('orders/receive', {});
    await eventually(() =>
      expect(toldOf(stream, 'orders')).toMatchObject([
        { type: 'dead', count: 2, reason: 'rejected', nodeId: 'queue_1' },
        { type: 'stalled', count: 1 },
      ]),
    );
    for (const verb of ['pause', 'pause', 'resume', 'purge']) await post(`orders/${verb}`);
    await eventually(async () => expect((await post('orders.dead/redrive')).body).toEqual({ moved: 2 }));
    await eventually(() =>
      expect(toldOf(stream, 'orders').slice(2)).toMatchObject([
        { type: 'paused' },
        { type: 'resumed' },
        { type: 'purged', count: 1 },
      ]),
    );
    await eventually(() =>
      expect(toldOf(stream, 'orders.dead')).toMatchObject([{ type: 'redriven', count: 2 }]),
    );
    await call(one, 'PUT', 'schedules/often', {
      queue: 'orders',
      everyMs: 1_000,
      limit: 1,
      message: { body: 0 },
    });
    await eventually(() =>
      expect(toldOf(stream, 'often')).toMatchObject([{ type: 'fired', queue: 'orders', count: 1 }]),
    );
  });

  it('tell of flushes of caches, of writes that no longer wait for a silent node, and of members', async () => {
    const [one, two] = nodes.cache;
    const stream = await follow(two);
    const three = await NodeProcess.start('cache', { redisUrl: redis.url, nodeId: 'cache_3' });
    const entry = 'caches/prices/entries/k';
    await call(one, 'PUT', entry, 1);
    for (let i = 0; i < 2; i += 1) await call(three, 'GET', entry);
    await eventually(() =>
      expect(toldOf(stream, null)).toMatchObject([{ type: 'joined', member: 'cache_3', nodeId: 'cache_3' }]),
    );
    await three.kill();
    await call(one, 'PUT', entry, 2);
    await call(one, 'DELETE', 'caches/prices');
    await eventually(() =>
      expect(toldOf(stream, 'prices').map(({ type }) => type)).toEqual(['forced', 'flushed']),
    );
    await eventually(() =>
      expect(toldOf(stream, null).at(-1)).toMatchObject({ type: 'fenced', member: 'cache_3' }),
    );
  });

  it('are told as a number where they come in floods', async () => {
    const [one, two] = nodes.queue;
    const stream = await follow(one);
    const queues = Array.from({ length: 150 }, (_, i) => `queues/flood-${i}`);
    await Promise.all(queues.map((queue) => call(two, 'PUT', queue, {})));
    await Promise.all(queues.map((queue) => call(two, 'POST', `${queue}/pause`)));
    await eventually(() => {
      const told = stream.events.filter(({ data }) => data.type === 'paused' || data.of === 'paused');
      expect(told.reduce((sum, { data }) => sum + data.count, 0)).toBe(150);
    });
  });
});

describe('events of a role', () => {
  const folder = mkdtempSync(join(tmpdir(), 'syncline-events-'));
  const file = join(folder, 'keys.json');
  const keyOf = (name: string, names: string[], tenant?: string) => ({
    name,
    secrets: [{ hash: `sha256:${createHash('sha256').update(name.padEnd(32, '.')).digest('hex')}` }],
    grants: [{ role: '*', actions: ['read', 'lock'], names }],
    ...(tenant && { tenant }),
  });
  const secretOf = (name: string) => name.padEnd(32, '.');
  let redis: RedisServer;
  let node: NodeProcess;

  beforeAll(async () => {
    const keys = [keyOf('red', ['*'], 'red'), keyOf('mine', ['mine:*']), keyOf('all', ['*'])];
    writeFileSync(file, JSON.stringify({ keys, tenants: [{ name: 'red' }] }));
    redis = await RedisServer.start({ durable: true });
    node = await NodeProcess.start('lock', {
      redisUrl: redis.url,
      nodeId: 'lock_1',
      env: { API_KEYS_FILE: file },
    });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
    rmSync(folder, { recursive: true });
  });

  it('are told to keys that may read the name, without the realm of their tenant', async () => {
    const lose = (key: string, name: string) =>
      fetch(`${node.url}/v1/locks/${encodeURIComponent(name)}/acquire`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Api-Key': secretOf(key) },
        body: JSON.stringify({ owner: key, ttlMs: 100 }),
      });
    const watched = await Promise.all(
      ['red', 'mine', 'all'].map((key) => follow(node, { key: secretOf(key) })),
    );
    const [red, mine, all] = watched as [EventStream, EventStream, EventStream];
    await lose('red', 'shared');
    await lose('mine', 'mine:x');
    await lose('all', 'last');
    await eventually(() => expect(toldOf(all, 'last')).toHaveLength(1));
    await lose('red', 'last');
    await eventually(() => expect(toldOf(red, 'last')).toHaveLength(1));
    await eventually(() => expect(toldOf(mine, 'mine:x')).toHaveLength(1));
    const namesOf = (stream: EventStream) => stream.events.flatMap(({ data }) => data.name ?? []).sort();
    expect(namesOf(red)).toEqual(['last', 'shared']);
    expect(namesOf(all)).toEqual(['last', 'mine:x']);
    expect(namesOf(mine)).toEqual(['mine:x']);
    expect((await EventStream.open(node, 'events')).status).toBe(401);
  });

  it('go on after Last-Event-ID, however many there are, and say so when some are gone', async () => {
    const first = await follow(node, { key: secretOf('all') });
    const client = redis.connect();
    const add = (count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, i) => {
          const event = { type: 'flushed', name: `n-${i}`, nodeId: 'x', count: 1 };
          return client.xadd('syncline:{cluster:lock}:events', '*', 'event', JSON.stringify(event));
        }),
      );
    await add(600);
    await eventually(() => expect(first.events).toHaveLength(600));
    const [event] = first.events;
    const second = await follow(node, { key: secretOf('all'), after: event?.id ?? '' });
    await eventually(() => expect(second.events).toEqual(first.events.slice(1)));
    await client.xtrim('syncline:{cluster:lock}:events', 'MAXLEN', 10);
    client.disconnect();
    const third = await follow(node, { key: secretOf('all'), after: event?.id ?? '' });
    await eventually(() => expect(third.kinds).toEqual(['gone', ...Array(10).fill('flushed')]));
  });

  it('tell once that Redis is another instance', async () => {
    const two = await NodeProcess.start('lock', {
      redisUrl: redis.url,
      nodeId: 'lock_2',
      env: { API_KEYS_FILE: file },
    });
    const stream = await follow(node, { key: secretOf('all') });
    // Both must know the one that ends.
    await redis.restart();
    await eventually(
      () => expect(toldOf(stream, null).map(({ type }) => type)).toContain('instance'),
      20_000,
    );
    await two.stop();
    await eventually(() =>
      expect(toldOf(stream, null).at(-1)).toMatchObject({ type: 'left', member: 'lock_2' }),
    );
    expect(toldOf(stream, null).filter(({ type }) => type === 'instance')).toHaveLength(1);
  }, 40_000);
});
