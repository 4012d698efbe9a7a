import { setTimeout as sleep } from 'node:timers/promises';
import { LockClient } from '@syncline/client';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll, TcpProxy } from '@syncline/testing';

let redis: RedisServer;
let nodes: NodeProcess[];
let direct: LockClient;

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('lock', 2, { redisUrl: redis.url });
  direct = new LockClient({ urls: nodes.map(({ url }) => url) });
}, 120_000);
afterAll(async () => {
  await direct?.close();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

describe('a waiter', () => {
  it('keeps its place in the line when a proxy cuts its connection repeatedly', async () => {
    const cable = await TcpProxy.start(Number(new URL(nodes[0]?.url ?? '').port));
    await using client = new LockClient({ urls: [cable.url.replace('redis:', 'http:')] });
    const held = await direct.acquire('place');
    const line = async () => (await direct.inspect('place')).waiters.map(({ owner }) => owner);
    const first = client.acquire('place', { owner: 'first', waitMs: Infinity });
    await eventually(async () => expect(await line()).toEqual(['first']));
    const second = direct.acquire('place', { owner: 'second', waitMs: Infinity });
    await eventually(async () => expect(await line()).toEqual(['first', 'second']));
    for (let i = 0; i < 5; i++) {
      cable.cut();
      await sleep(400);
    }
    await eventually(async () => expect(await line()).toEqual(['first', 'second']));
    await held.release();
    const winner = await Promise.race([first, second]);
    expect(winner.owner).toBe('first');
    await winner.release();
    await (await second).release();
    await cable.stop();
  });
});
