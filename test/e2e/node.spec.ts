import { ROLES } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import request from 'supertest';
import { WebSocket } from 'ws';

const stateOf = async ({ url }: NodeProcess) => (await request(url).get('/v1/node').expect(200)).body;

describe('what a node tells of itself', () => {
  it('is its Redis, its lease and its load, on every role', async () => {
    await using redis = await RedisServer.start({ durable: true });
    await using replica = await RedisServer.start({ args: ['--replicaof', `127.0.0.1 ${redis.port}`] });
    const nodes = await Promise.all(
      ROLES.map((role) => NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1` })),
    );
    const [lock, queue] = nodes as [NodeProcess, NodeProcess];
    try {
      expect(replica.port).not.toBe(redis.port);
      const durability = { appendonly: true, appendfsync: 'everysec', replicas: 1 };
      for (const [i, node] of nodes.entries()) {
        const { lease, lag, ...state } = await eventually(async () => {
          const found = await stateOf(node);
          expect(found.redis.durability).toEqual(durability);
          return found;
        });
        const { instance } = state.redis;
        expect(instance).toMatch(/^[0-9a-f]{16}-[0-9a-f]{16}$/);
        const primaries = [{ address: `127.0.0.1:${redis.port}`, instance }];
        expect(state).toEqual({
          ...{ nodeId: node.nodeId, role: ROLES[i], parked: 0, streams: 0 },
          redis: { topology: 'single', instance, durability, primaries },
        });
        expect(lease).toBeGreaterThan(0);
        expect(lease).toBeLessThanOrEqual(2_500);
        expect(lag).toBeGreaterThanOrEqual(0);
      }

      const calls = new WebSocket(`${lock.url.replace('http', 'ws')}/v1/calls`);
      const watching = new AbortController();
      const events = await fetch(`${lock.url}/v1/locks/watched/events`, { signal: watching.signal });
      const waiting = request(queue.url)
        .post('/v1/queues/q/messages')
        .send({ messages: [{ body: 1 }] });
      await waiting.expect(201);
      const receive = () => request(queue.url).post('/v1/queues/q/receive').send({ waitMs: 20_000 });
      await receive().expect(200);
      const parked = receive().then(({ body }) => body.messages);
      await eventually(async () => expect(await stateOf(lock)).toMatchObject({ streams: 2, parked: 0 }));
      await eventually(async () => expect(await stateOf(queue)).toMatchObject({ streams: 0, parked: 1 }));
      expect(events.status).toBe(200);
      calls.close();
      watching.abort();
      await request(queue.url)
        .post('/v1/queues/q/messages')
        .send({ messages: [{ body: 2 }] })
        .expect(201);
      expect(await parked).toHaveLength(1);
      await eventually(async () => expect(await stateOf(lock)).toMatchObject({ streams: 0 }));
      await eventually(async () => expect(await stateOf(queue)).toMatchObject({ parked: 0 }));

      const { instance } = (await stateOf(lock)).redis;
      await redis.kill();
      await eventually(async () =>
        expect(await stateOf(lock)).toMatchObject({
          lease: 0,
          redis: { topology: 'single', instance: null, durability: null, primaries: [] },
        }),
      );
      await redis.restart();
      await eventually(async () => expect((await stateOf(lock)).redis.instance).toMatch(/^[0-9a-f-]{33}$/));
      expect((await stateOf(lock)).redis.instance).not.toBe(instance);
    } finally {
      await stopAll(nodes);
    }
  });
});
