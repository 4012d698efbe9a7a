import { eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { QueueClient, ReceiptStaleError } from '../../index.js';
import { HttpQueues } from '../http-queues.js';

let redis: RedisServer;
let nodes: NodeProcess[];
let queues: QueueClient;
let threads = 0;

/** A client whose threads are counted. */
function clientOf({ url }: { readonly url: string }): QueueClient {
  const http = new HttpQueues({ urls: [url] });
  const startStandIn = () => {
    threads += 1;
    return http.startStandIn();
  };
  return new QueueClient({ port: Object.create(http, { startStandIn: { value: startStandIn } }) });
}

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('queue', 1, { redisUrl: redis.url });
  queues = clientOf(nodes[0] as NodeProcess);
});
afterAll(async () => {
  await queues?.close();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

const VISIBILITY_MS = 3_000;

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('a handler that blocks the event loop', () => {
  it('keeps its messages for longer than the visibility timeout', async () => {
    const queue = queues.queue<number>('blocked');
    const others = queues.queue<number>('others');
    const errors: unknown[] = [];
    const options = {
      visibilityTimeoutMs: VISIBILITY_MS,
      onError: (error: unknown) => errors.push(error),
    };
    let handled = 0;
    await Promise.all([queue.send(1), queue.send(2)]);
    let handle = () => {};
    const going = new Promise<void>((resolve) => {
      handle = resolve;
    });
    await using _ = queue.worker(
      async (items) => {
        await going;
        handled += items.length;
        block(3 * VISIBILITY_MS);
      },
      { ...options, batch: 2 },
    );
    // A message that waits for its handler meanwhile keeps its worker, too.
    await using __ = others.worker(
      (_message, { signal }) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          setTimeout(resolve, 2 * VISIBILITY_MS);
        }),
      options,
    );
    await others.send(1);
    await eventually(async () => expect((await others.inspect()).stats.inFlight).toBe(1));
    handle();
    await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(2));
    await eventually(async () => expect((await others.inspect()).stats.acked).toBe(1));
    expect((await queue.inspect()).stats).toMatchObject({ received: 2, failed: 0 });
    expect((await others.inspect()).stats).toMatchObject({ received: 1, failed: 0 });
    expect([handled, errors]).toEqual([2, []]);
    expect(threads).toBe(1);
  });

  it('loses its message after maxBlockedMs', async () => {
    const queue = queues.queue<number>('stuck');
    const errors: unknown[] = [];
    let handled = 0;
    await using _ = queue.worker(
      () => {
        handled += 1;
        if (handled === 1) block(1_500);
      },
      { visibilityTimeoutMs: 1_000, maxBlockedMs: 100, onError: (error) => errors.push(error) },
    );
    await queue.send(1);
    await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(1));
    expect((await queue.inspect()).stats).toMatchObject({ received: 2, failed: 1 });
    expect(errors).toContainEqual(expect.any(ReceiptStaleError));
  });

  it('has no thread with maxBlockedMs 0', async () => {
    await using client = clientOf(nodes[0] as NodeProcess);
    const before = threads;
    const queue = client.queue<number>('alone');
    await using _ = queue.worker(() => undefined, { maxBlockedMs: 0 });
    await queue.send(1);
    await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(1));
    expect(threads).toBe(before);
  });
});
