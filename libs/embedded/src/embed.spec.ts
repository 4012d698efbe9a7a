import {
  ConnectionError,
  LeaseLostError,
  LockClient,
  LockHeldError,
  StoreUnavailableError,
  ValidationError,
} from '@syncline/client';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { embed } from './index.js';

let redis: RedisServer;
let nodes: NodeProcess[];
let lock: LockClient;

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('lock', 1, { redisUrl: redis.url });
  lock = new LockClient({ urls: nodes.map(({ url }) => url) });
});
afterAll(async () => {
  await lock?.close();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

describe('embed', () => {
  it('makes this process a member beside the nodes, until it is closed', async () => {
    const syncline = await embed({ redis: redis.url, name: 'billing', timers: false });
    const { nodeId, members } = await syncline.lock.cluster();
    expect(nodeId).toMatch(/^billing_/);
    expect(members.find((member) => member.nodeId === nodeId)).toMatchObject({
      kind: 'embedded',
      state: 'alive',
      share: 0,
    });
    expect((await lock.cluster()).members).toEqual([
      expect.objectContaining({ nodeId, kind: 'embedded', url: '' }),
      expect.objectContaining({ nodeId: nodes[0]?.nodeId, kind: 'node', share: 1 }),
    ]);
    await syncline.close();
    expect((await lock.cluster()).members).toHaveLength(1);
  });

  it('shares locks with the nodes: held at one, they are waited for at the other', async () => {
    await using syncline = await embed({ redis: redis.url });
    const held = await syncline.lock.acquire('here', { metadata: { at: new Date(0) } });
    expect((await lock.inspect('here')).holders).toEqual([
      expect.objectContaining({ owner: held.owner, metadata: { at: '1970-01-01T00:00:00.000Z' } }),
    ]);
    await expect(lock.acquire('here')).rejects.toThrow(LockHeldError);
    const there = lock.acquire('here', { waitMs: 60_000 });
    await eventually(async () => expect((await syncline.lock.inspect('here')).waiters).toHaveLength(1));
    const back = syncline.lock.acquire('here', { waitMs: 60_000 });
    await eventually(async () => expect((await lock.inspect('here')).waiters).toHaveLength(2));
    await held.release();
    await (await there).release();
    await (await back).release();
    await expect(held.release()).resolves.toBeUndefined();
  });

  it('refuses options with the errors of the client, and does not start', async () => {
    await expect(embed({ redis: 'http://localhost' })).rejects.toThrow(ValidationError);
    await expect(embed({ redis: redis.url, name: 'a b' })).rejects.toThrow(/^validation-failed: name:/);
    await expect(embed({ redis: 'redis://127.0.0.1:1' })).rejects.toThrow(StoreUnavailableError);
  });

  it('ends what waits when it is closed, which leaves the line at once', async () => {
    await using held = await lock.acquire('closing');
    const syncline = await embed({ redis: redis.url });
    const waiting = syncline.lock.acquire('closing', { waitMs: 60_000 });
    waiting.catch(() => {});
    await eventually(async () => expect((await lock.inspect('closing')).waiters).toHaveLength(1));
    await syncline.close();
    await expect(waiting).rejects.toThrow(ConnectionError);
    expect((await lock.inspect('closing')).waiters).toEqual([]);
    await expect(syncline.lock.acquire('closing')).rejects.toThrow(ConnectionError);
    expect(held.isHeld).toBe(true);
  });

  it('tells within 5 s that Redis is away, and goes on when it is back', async () => {
    await using own = await RedisServer.start({ durable: true });
    await using syncline = await embed({ redis: own.url, roles: ['lock'] });
    const lease = await syncline.lock.acquire('outage', { ttlMs: 2_000 });
    await own.kill();
    const startedAt = performance.now();
    await expect(syncline.lock.acquire('other')).rejects.toThrow(StoreUnavailableError);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await eventually(() => expect(lease.signal.aborted).toBe(true));
    expect(lease.signal.reason).toBeInstanceOf(LeaseLostError);
    await own.restart();
    await eventually(async () => {
      await using again = await syncline.lock.acquire('outage');
      expect(BigInt(again.fencingToken)).toBeGreaterThan(BigInt(lease.fencingToken));
    });
  });
});
