import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import type { Redis } from 'ioredis';
import request from 'supertest';

/** Commands a second, those in scripts counted: 12 of an idle node, and 10 for all that is parked there. */
const MOST_A_NODE = 22;

describe('receivers that are parked at several queue nodes', () => {
  let redis: RedisServer;
  let client: Redis;
  let nodes: NodeProcess[];

  beforeAll(async () => {
    redis = await RedisServer.start();
    client = redis.connect();
    nodes = await startNodes('queue', 2, { redisUrl: redis.url });
  });
  afterAll(async () => {
    client?.disconnect();
    await stopAll(nodes ?? []);
    await redis?.stop();
  });

  const url = (i: number) => nodes[i % nodes.length]?.url ?? '';
  const make = (queue: string) => request(url(0)).put(`/v1/queues/${queue}`).send({}).expect(200);
  const park = (queue: string, i: number, waitMs: number) =>
    request(url(i)).post(`/v1/queues/${queue}/receive`).send({ waitMs });
  const standing = async (queue: string) => client.zcard(`syncline:{queue:${queue}}:w`);

  it('are served in the order of their arrival after Redis was frozen for longer than a node may be silent', async () => {
    await make('frozen');
    const served: number[] = [];
    const parked: Promise<unknown>[] = [];
    for (const i of [0, 1, 2, 3]) {
      parked.push(
        park('frozen', i, 30_000).then(({ status, body }) => {
          served.push(status === 200 && body.messages.length === 1 ? i : -1);
        }),
      );
      await eventually(async () => expect(await standing('frozen')).toBe(i + 1));
    }
    redis.freeze();
    await sleep(3_500);
    redis.thaw();
    await eventually(async () => {
      await Promise.all(nodes.map((node) => request(node.url).get('/health/ready').expect(200)));
      expect(await standing('frozen')).toBe(4);
    }, 10_000);
    for (const i of [0, 1, 2, 3]) {
      const send = () =>
        request(url(i))
          .post('/v1/queues/frozen/messages')
          .send({ messages: [{ body: i }] });
      await eventually(() => send().expect(201));
      await eventually(() => expect(served).toHaveLength(i + 1));
    }
    await Promise.all(parked);
    expect(served).toEqual([0, 1, 2, 3]);
  });

  it('cost nothing in a hundred queues where nothing happens, long poll after long poll', async () => {
    const queues = Array.from({ length: 100 }, (_, i) => `idle-${i}`);
    await Promise.all(queues.map(make));
    let ended = false;
    const polls = queues.map(async (queue, i) => {
      while (!ended) expect((await park(queue, i, 3_000)).status).toBe(200);
    });
    const commands = async () => {
      const stats = await client.info('commandstats');
      const calls = [...stats.matchAll(/^cmdstat_(?!info)[^:]+:calls=(\d+)/gm)];
      return calls.reduce((sum, [, count]) => sum + Number(count), 0);
    };
    // Once a node has looked at its queues it leaves them alone.
    await eventually(async () => {
      const [from, startedAt] = [await commands(), performance.now()];
      await sleep(4_000);
      const perSecond = ((await commands()) - from) / ((performance.now() - startedAt) / 1_000);
      expect(perSecond).toBeLessThan(2 * MOST_A_NODE);
    }, 60_000);
    ended = true;
    await Promise.all(polls);
  }, 80_000);
});
