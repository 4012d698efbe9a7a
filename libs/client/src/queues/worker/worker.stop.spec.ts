import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../../test/stages/deployment.js';
import { QueueClient, ValidationError } from '../../index.js';

let deployment: Deployment;
let queues: QueueClient;

/** A lost message stays hidden for longer than a test runs. */
const HIDDEN_FOR_LONG = { visibilityTimeoutMs: 3_600_000 };

/** No message is hidden: each was handled, or can be received at once as if it was never delivered. */
async function expectNoneHidden(name: string, handled: readonly number[], sent: number): Promise<void> {
  const queue = queues.queue<number>(name);
  expect((await queue.inspect()).stats).toMatchObject({ inFlight: 0, acked: handled.length });
  const left = [];
  for (;;) {
    const messages = await queue.receive({ max: 1_000 });
    if (messages.length === 0) break;
    left.push(...messages);
  }
  expect(left.filter(({ receiveCount }) => receiveCount > 1)).toEqual([]);
  expect([...handled, ...left.map(({ body }) => body)].toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: sent }, (_, i) => i),
  );
}

describe.each(WAYS)('queues over %s:', (way) => {
  beforeAll(async () => {
    deployment = await Deployment.start(way, 'queue');
    queues = await deployment.connectQueues();
  });
  afterAll(() => deployment?.stop());

  it('a client that closes stops the workers of its queues, when their handlers are done', async () => {
    const warnings: unknown[] = [];
    const client = await deployment.connectQueues();
    const queue = client.queue<number>('closes');
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    let begun = false;
    const handler = () => {
      begun = true;
      return ended;
    };
    const onError = (error: unknown) => warnings.push(error);
    const workers = [queue.worker(handler, { onError }), client.worker('closes-too', handler, { onError })];
    await queue.send(1);
    await eventually(() => expect(begun).toBe(true));
    const closed = client.close();
    end();
    await closed;
    // They have stopped, which no call is needed for any more.
    await Promise.all(workers.map((worker) => worker.stop()));
    expect((await queues.queue('closes').inspect()).stats).toMatchObject({ inFlight: 0, acked: 1 });
    expect(warnings).toEqual([]);
  });

  describe('a worker that stops', () => {
    it('gives back messages that are on their way to it', async () => {
      const queue = queues.queue<number>('on-its-way');
      await queue.configure(HIDDEN_FOR_LONG);
      const handled: number[] = [];
      const sent = way === 'nodes' ? 100 : 20;
      for (let i = 0; i < sent; i++) {
        // A new client each time, to test also the first calls, before there is a call stream.
        await using client = await deployment.connectQueues();
        const worker = client.worker<number>('on-its-way', ({ body }) => handled.push(body), {
          concurrency: 4,
          // Not a thread for each of these clients.
          maxBlockedMs: 0,
        });
        await sleep(Math.random() * 20);
        const sending = queue.send(i);
        if (Math.random() < 0.5) await sending;
        await worker.stop();
        await sending;
      }
      await expectNoneHidden('on-its-way', handled, sent);
    }, 60_000);

    if (way === 'nodes') {
      it('gives back messages that are on their way without a call stream', async () => {
        let receives = 0;
        // A proxy that delays answers: a client that does not wait for an answer loses its messages.
        const proxy: Server = createServer(async (request, response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of request) chunks.push(chunk as Buffer);
          const { method = '', url = '' } = request;
          if (url.endsWith('/receive')) receives += 1;
          const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
          const headers = { 'content-type': 'application/json' };
          const answer = await fetch(`${deployment.nodes[0]?.url}${url}`, { method, headers, ...body });
          const text = await answer.text();
          await sleep(50);
          response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
        });
        await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
        const queue = queues.queue<number>('proxied');
        await queue.configure(HIDDEN_FOR_LONG);
        {
          await using client = new QueueClient({
            urls: [`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`],
          });
          const handled: number[] = [];
          const worker = client.worker<number>('proxied', ({ body }) => handled.push(body), {
            maxBlockedMs: 0,
          });
          await eventually(() => expect(receives).toBe(1));
          await queue.send(0);
          await eventually(async () => expect((await queue.inspect()).stats.inFlight).toBe(1));
          await worker.stop();
          await expectNoneHidden('proxied', handled, 1);
        }
        proxy.close();
      });
    }

    it('gives back messages whose handler has not started, and finishes the others', async () => {
      const queue = queues.queue<number>('not-begun');
      for (let i = 0; i < 10; i++) await queue.send(i, { groupId: 'g' });
      let finish = () => {};
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const handled: number[] = [];
      const worker = queue.worker(
        async ({ body }) => {
          await finished;
          handled.push(body);
        },
        { concurrency: 10 },
      );
      await eventually(() => expect(worker.active).toBe(1));
      const stopped = worker.stop(Number.POSITIVE_INFINITY);
      await eventually(async () => expect((await queue.inspect()).stats.inFlight).toBe(1));
      finish();
      await stopped;
      expect(handled).toEqual([0]);
      expect(
        (await queue.receive({ max: 10 })).map(({ body, receiveCount }) => [body, receiveCount]),
      ).toEqual(Array.from({ length: 9 }, (_, i) => [i + 1, 1]));
    });

    it('waits for ever with Infinity, until stop() is called with a deadline', async () => {
      const queue = queues.queue<number>('for-ever');
      await queue.send(1);
      const worker = queue.worker(
        (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
      );
      await eventually(() => expect(worker.active).toBe(1));
      let isStopped = false;
      const stopped = worker.stop(Number.POSITIVE_INFINITY).then(() => {
        isStopped = true;
      });
      // Longer than a timer with an out-of-range delay, which fires at once.
      await sleep(100);
      expect([isStopped, worker.active]).toEqual([false, 1]);
      await worker.stop(0);
      await stopped;
      await eventually(() => expect(worker.active).toBe(0));
      expect(await queue.receive()).toMatchObject([{ body: 1, receiveCount: 1 }]);
    });

    it.each([Number.NaN, -1, 2 ** 31, '5s', null])(
      'refuses the timeout %p and continues',
      async (timeoutMs) => {
        const queue = queues.queue<number>('refuses');
        const handled: number[] = [];
        await using worker = queue.worker(({ body }) => handled.push(body));
        await expect(worker.stop(timeoutMs as number)).rejects.toThrow(ValidationError);
        await queue.send(1);
        await eventually(() => expect(handled).toEqual([1]));
      },
    );

    it('never turns a message that did not fail into a dead letter', async () => {
      const queue = queues.queue<string>('deploys');
      await queue.configure({ maxReceives: 2 });
      await queue.send('long');
      for (let deploy = 0; deploy < 5; deploy++) {
        const worker = queue.worker(
          (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
        );
        await eventually(() => expect(worker.active).toBe(1));
        await worker.stop(0);
        expect((await queue.inspect()).stats).toMatchObject({ ready: 1, inFlight: 0, dead: 0 });
      }
    });
  });

  describe('a receive that is aborted', () => {
    it('leaves no message hidden', async () => {
      const queue = queues.queue<number>('given-up');
      await queue.configure(HIDDEN_FOR_LONG);
      const got: number[] = [];
      for (let i = 0; i < 60; i++) {
        const controller = new AbortController();
        const receiving = queue.receive({ waitMs: 10_000, signal: controller.signal });
        const outcome = receiving.then(
          (messages) => got.push(...messages.map(({ body }) => body)),
          (error) => expect(error).toBe(controller.signal.reason),
        );
        await sleep(Math.random() * 10);
        const sending = queue.send(i);
        if (i % 2 === 0) await sending;
        controller.abort();
        await Promise.all([sending, outcome]);
      }
      await eventually(async () => {
        expect((await queue.inspect()).stats).toMatchObject({ inFlight: got.length, ready: 60 - got.length });
      });
    });
  });
});
