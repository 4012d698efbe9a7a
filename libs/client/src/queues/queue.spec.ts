import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import {
  type HandlerContext,
  LeaseLostError,
  NotFoundError,
  PayloadTooLargeError,
  type QueueClient,
  QueueFullError,
  ValidationError,
} from '../index.js';

describe.each(WAYS)('queues over %s:', (way) => {
  let deployment: Deployment;
  let queues: QueueClient;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'queue');
    queues = await deployment.connectQueues();
  });
  afterAll(() => deployment?.stop());

  describe('Queue', () => {
    it('delivers a message until it is acknowledged', async () => {
      const orders = queues.queue<{ id: number }>('orders');
      const sent = await orders.send({ id: 1 }, { headers: { source: 'shop' }, priority: 5 });
      expect(sent.deduplicated).toBe(false);
      const [message] = await orders.receive({ waitMs: 1_000 });
      expect(message).toMatchObject({
        id: sent.id,
        body: { id: 1 },
        headers: { source: 'shop' },
        priority: 5,
      });
      const receipt = message?.receipt ?? '';
      expect(await orders.ack(receipt)).toBe('acked');
      expect(await orders.ack(receipt)).toBe('acked');
      expect((await orders.inspect()).stats).toMatchObject({ ready: 0, inFlight: 0, acked: 1 });
    });

    it('sends only once for a deduplication id', async () => {
      const queue = queues.queue('dedup');
      const [first, second] = await Promise.all([
        queue.send(1, { deduplicationId: 'a' }),
        queue.send(1, { deduplicationId: 'a' }),
      ]);
      expect(second).toEqual({ id: first.id, deduplicated: true });
    });

    it('sends the calls of one turn in few requests, in order, each with its own outcome', async () => {
      const queue = queues.queue<number>('turn');
      const sent = await Promise.all(
        Array.from({ length: 2_500 }, (_, i) => queue.send(i, { groupId: 'g' })),
      );
      expect(new Set(sent.map(({ id }) => id)).size).toBe(2_500);
      const got = await queue.receive({ max: 1_000 });
      expect(got.length).toBeGreaterThanOrEqual(100);
      expect(got.map(({ body }) => body)).toEqual(got.map((_, i) => i));
      const forged = '1795409663123456.0.1.5k.kQ4nXo1r0cPvY2bd';
      const acks = await Promise.all([...got.map(({ receipt }) => queue.ack(receipt)), queue.ack(forged)]);
      await expect(queue.ack('made-up')).rejects.toThrow(ValidationError);
      expect(acks.filter((status) => status === 'acked')).toHaveLength(got.length);
      expect(acks.at(-1)).toBe('stale');
    });

    it('sends the valid messages of a turn although another one is invalid', async () => {
      const queue = queues.queue<string>('mixed');
      const outcomes = await Promise.allSettled([
        queue.send('a'),
        queue.send('x'.repeat(300_000)),
        queue.send('b'),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(outcomes[1]).toMatchObject({ reason: expect.any(PayloadTooLargeError) });
      expect((await queue.receive({ max: 10 })).map(({ body }) => body)).toEqual(['a', 'b']);
    });

    it('throws when it is full or does not exist', async () => {
      const queue = queues.queue<number>('small');
      await expect(queue.receive()).rejects.toThrow(NotFoundError);
      await queue.configure({ maxLength: 2 });
      const outcomes = await Promise.allSettled([queue.send(1), queue.send(2), queue.send(3)]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
      expect(outcomes[2]).toMatchObject({ reason: expect.any(QueueFullError) });
      await queue.purge();
      await queue.pause();
      await queue.resume();
      const names = [];
      for await (const { name } of queues.list('sm')) names.push(name);
      expect(names).toEqual(['small']);
      await queue.delete();
      await expect(queue.inspect()).rejects.toThrow(NotFoundError);
    });

    it('stops waiting when the signal aborts', async () => {
      const queue = queues.queue('idle');
      await queue.configure();
      const waiting = queue.receive({ waitMs: 20_000, signal: AbortSignal.timeout(100) });
      await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' });
    });
  });

  describe('QueueClient', () => {
    it('lists queues by prefix, and nodes', async () => {
      await Promise.all(['listed.a', 'listed.b', 'other'].map((name) => queues.queue(name).configure()));
      const listed: string[] = [];
      for await (const { name } of queues.list('listed.')) listed.push(name);
      expect(listed).toEqual(['listed.a', 'listed.b']);
      const { role, members } = await queues.cluster();
      expect([role, members.length]).toEqual(['queue', way === 'nodes' ? 2 : 1]);
    });
  });

  describe('Worker', () => {
    it('handles and acknowledges all messages, up to concurrency at once', async () => {
      const queue = queues.queue<number>('work');
      const handled: number[] = [];
      let most = 0;
      await using worker = queue.worker(
        async ({ body }) => {
          most = Math.max(most, worker.active);
          await sleep(5);
          handled.push(body);
        },
        { concurrency: 8 },
      );
      await Promise.all(Array.from({ length: 100 }, (_, i) => queue.send(i)));
      await eventually(() => expect(handled).toHaveLength(100));
      await worker.stop();
      expect(new Set(handled).size).toBe(100);
      expect(most).toBe(8);
      expect((await queue.inspect()).stats).toMatchObject({ acked: 100, inFlight: 0, ready: 0 });
    });

    it('gives a failed message back with a back-off, until it is a dead letter', async () => {
      const queue = queues.queue('failing');
      await queue.configure({ maxReceives: 3 });
      const errors: unknown[] = [];
      const at: number[] = [];
      const own = new Error('no');
      await using worker = queue.worker(
        () => {
          at.push(performance.now());
          throw own;
        },
        { backoff: { baseMs: 100, factor: 2, maxMs: 1_000 }, onError: (error) => errors.push(error) },
      );
      await queue.send('bad');
      await eventually(async () => expect((await queue.inspect()).stats.dead).toBe(1));
      await worker.stop();
      expect(errors).toEqual([own, own, own]);
      const [first = 0, second = 0, third = 0] = at;
      expect(second - first).toBeGreaterThanOrEqual(79);
      expect(third - second).toBeGreaterThanOrEqual(159);
      expect(await queues.queue('failing.dead').redrive()).toBe(1);
    });

    it('extends a message while its handler runs', async () => {
      const queue = queues.queue('slow');
      let deliveries = 0;
      await using worker = queue.worker(
        async (_, { signal }) => {
          deliveries++;
          await sleep(2_000, undefined, { signal });
        },
        { visibilityTimeoutMs: 900, concurrency: 2 },
      );
      await queue.send('x');
      await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(1));
      await worker.stop();
      expect(deliveries).toBe(1);
    });

    it('aborts the signal of a handler when its message is lost', async () => {
      const queue = queues.queue('lost');
      const reasons: unknown[] = [];
      await using worker = queue.worker(
        async (_, { signal }) => {
          await once(signal, 'abort');
          reasons.push(signal.reason);
        },
        { visibilityTimeoutMs: 400 },
      );
      await queue.send('x');
      await eventually(() => expect(worker.active).toBe(1));
      await queue.purge();
      await eventually(() => expect(reasons).toEqual([expect.any(LeaseLostError)]));
    });

    it('has an aborted signal when a handler reads it after the loss', async () => {
      const queue = queues.queue('asked-late');
      const contexts: HandlerContext[] = [];
      let finish = () => {};
      const worker = queue.worker(
        (_, context) => {
          contexts.push(context);
          return new Promise<void>((resolve) => {
            finish = resolve;
          });
        },
        { onError: () => undefined },
      );
      await queue.send('x');
      await eventually(() => expect(contexts).toHaveLength(1));
      await worker.stop(0);
      expect(contexts[0]?.signal).toMatchObject({ aborted: true, reason: expect.any(LeaseLostError) });
      finish();
    });

    it('stops gracefully: running handlers finish, and messages of the others are given back', async () => {
      const queue = queues.queue<string>('stopping');
      const ended: string[] = [];
      const worker = queue.worker(
        async ({ body }, { signal }) => {
          await sleep(body === 'short' ? 200 : 60_000, undefined, { signal });
          ended.push(body);
        },
        { concurrency: 2, onError: () => undefined },
      );
      await Promise.all([queue.send('short'), queue.send('endless')]);
      await eventually(() => expect(worker.active).toBe(2));
      await worker.stop(500);
      expect(ended).toEqual(['short']);
      const [again] = await queue.receive({ waitMs: 2_000 });
      expect(again).toMatchObject({ body: 'endless', receiveCount: 1 });
    });

    it('waits for a queue that does not exist yet, and survives restarts of the nodes', async () => {
      const handled: unknown[] = [];
      await using _ = queues.worker('later', ({ body }) => handled.push(body), { onError: () => undefined });
      await sleep(100);
      await queues.queue('later').send('one');
      await eventually(() => expect(handled).toEqual(['one']));
      await deployment.nodes[0]?.kill();
      await queues.queue('later').send('two', { deduplicationId: 'two' });
      await eventually(() => expect(handled).toEqual(['one', 'two']));
    });
  });
});
