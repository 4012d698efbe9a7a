import { QueueClient } from '@syncline/client';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { embed } from '../index.js';

let redis: RedisServer;
let nodes: NodeProcess[];
let queues: QueueClient;

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('queue', 1, { redisUrl: redis.url });
  queues = new QueueClient({ urls: nodes.map(({ url }) => url) });
});
afterAll(async () => {
  await queues?.close();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

const connect = () => embed({ redis: redis.url, roles: ['queue'] });

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('an embedded member of the queues', () => {
  it('wakes a worker at a node by a send, and the other way round', async () => {
    await using syncline = await connect();
    const there: string[] = [];
    const here: string[] = [];
    await queues.queue('to-node').configure();
    await queues.queue('to-member').configure();
    await using _ = queues.worker<string>('to-node', ({ body }) => there.push(body));
    await using __ = syncline.worker<string>('to-member', ({ body }) => here.push(body));
    for (let i = 1; i <= 3; i++) {
      await syncline.queue('to-node').send(`from a member ${i}`);
      await queues.queue('to-member').send(`from a node ${i}`);
      await eventually(() => expect([there.length, here.length]).toEqual([i, i]));
    }
    expect((await syncline.queue('to-node').inspect()).stats).toMatchObject({ acked: 3 });
  });

  it('keeps a message while its handler blocks the event loop', async () => {
    await using syncline = await connect();
    const queue = syncline.queue<number>('blocked');
    const errors: unknown[] = [];
    let handled = 0;
    await using _ = queue.worker(
      () => {
        handled += 1;
        block(9_000);
      },
      { visibilityTimeoutMs: 3_000, onError: (error) => errors.push(error) },
    );
    await queue.send(1);
    const seen = queues.queue('blocked');
    await eventually(async () => expect((await seen.inspect()).stats).toMatchObject({ acked: 1 }));
    expect((await seen.inspect()).stats).toMatchObject({ received: 1, failed: 0 });
    expect([handled, errors]).toEqual([1, []]);
  });

  it('gives back what its workers have not begun when it is closed', async () => {
    const syncline = await connect();
    const queue = syncline.queue<number>('closing');
    await Promise.all([1, 2, 3].map((body) => queue.send(body, { groupId: 'g' })));
    let begun = 0;
    let finish = () => {};
    syncline.worker(
      'closing',
      () => {
        begun += 1;
        return new Promise<void>((resolve) => {
          finish = resolve;
        });
      },
      { concurrency: 3 },
    );
    await eventually(() => expect(begun).toBe(1));
    const closed = syncline.close();
    finish();
    await closed;
    expect((await queues.queue('closing').inspect()).stats).toMatchObject({
      acked: 1,
      ready: 2,
      inFlight: 0,
    });
  });
});
