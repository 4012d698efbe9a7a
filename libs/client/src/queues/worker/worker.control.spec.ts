import { eventually } from '@syncline/testing';
import { z } from 'zod';
import { Deployment, WAYS } from '../../../../../test/stages/deployment.js';
import {
  type BatchHandler,
  HandlerTimeoutError,
  InvalidBodyError,
  LeaseLostError,
  type QueueClient,
  ReceiptStaleError,
} from '../../index.js';

const BACK_AT_ONCE = { baseMs: 1, factor: 1, maxMs: 1 };

describe.each(WAYS)('a worker over %s', (way) => {
  let deployment: Deployment;
  let queues: QueueClient;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'queue');
    queues = await deployment.connectQueues();
  });
  afterAll(() => deployment?.stop());

  it('gives a message back when its handler takes too long, and hears no more of that handler', async () => {
    const queue = queues.queue<number>('slow');
    const errors: unknown[] = [];
    const reasons: unknown[] = [];
    let finish = () => {};
    await using worker = queue.worker(
      async ({ receiveCount }, { signal }) => {
        if (receiveCount > 1) return;
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
      },
      {
        timeoutMs: 200,
        concurrency: 2,
        backoff: BACK_AT_ONCE,
        onError: (error) => errors.push(error),
      },
    );
    const { id } = await queue.send(1);
    await eventually(async () =>
      expect((await queue.inspect()).stats).toMatchObject({ acked: 1, failed: 1 }),
    );
    expect(worker.active).toBe(1);
    finish();
    await eventually(() => expect(worker.active).toBe(0));
    await worker.stop();
    expect(errors).toEqual([new HandlerTimeoutError(id, 200)]);
    expect(reasons).toEqual(errors);
    expect((await queue.inspect()).stats).toMatchObject({ acked: 1, failed: 1 });
  });

  it('tells the reason of a time-out, and keeps the order of the group', async () => {
    const queue = queues.queue<number>('slow-group');
    await queue.configure({ maxReceives: 1 });
    const begun: number[] = [];
    await using _ = queue.worker(
      async ({ body }, { signal }) => {
        begun.push(body);
        if (body === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
      { timeoutMs: 100, concurrency: 4, onError: () => undefined },
    );
    const [first] = await Promise.all([1, 2, 3].map((body) => queue.send(body, { groupId: 'g' })));
    await eventually(async () => expect((await queue.inspect()).stats).toMatchObject({ acked: 2, dead: 1 }));
    expect(begun).toEqual([1, 2, 3]);
    expect((await queue.message(first?.id ?? '')).attempts).toMatchObject([
      { how: 'nacked', reason: expect.stringMatching(/^HandlerTimeoutError: .* took more than 100 ms$/) },
    ]);
  });

  it('makes a dead letter of a body that does not fit its schema, and hands on what the schema returns', async () => {
    const queue = queues.queue<{ at: Date }>('typed');
    const errors: unknown[] = [];
    const handled: Date[] = [];
    await using _ = queue.worker(({ body }) => handled.push(body.at), {
      schema: z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }),
      onError: (error) => errors.push(error),
    });
    const { id } = await queue.send({ at: 'soon' as never });
    await queue.send({ at: new Date(0) });
    await eventually(async () => expect((await queue.inspect()).stats).toMatchObject({ acked: 1, dead: 1 }));
    expect(handled).toEqual([new Date(0)]);
    expect(errors).toEqual([expect.any(InvalidBodyError)]);
    expect(await queue.message(id)).toMatchObject({
      state: 'dead',
      attempts: [{ reason: expect.stringMatching(/^InvalidBodyError: .* does not fit: /) }],
    });
  });

  it('pauses, resumes, and takes another concurrency while it runs', async () => {
    const queue = queues.queue<number>('controlled');
    await queue.configure();
    const errors: unknown[] = [];
    const waiting: (() => void)[] = [];
    await using worker = queue.worker(() => new Promise<void>((resolve) => waiting.push(resolve)), {
      onError: (error) => errors.push(error),
    });
    const send = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => queue.send(i)));
    worker.pause();
    await send(10);
    // Another worker takes its part: so much time has passed that this one would have had it.
    await using other = queue.worker(() => undefined, { onError: (error) => errors.push(error) });
    await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(10));
    await other.stop();
    expect([worker.isPaused, waiting.length]).toEqual([true, 0]);
    worker.resume();
    await send(10);
    await eventually(() => expect(worker.active).toBe(1));
    worker.concurrency = 4;
    await eventually(() => expect(worker.active).toBe(4));
    worker.concurrency = 2;
    for (let ended = 0; ended < 10; ended++) {
      await eventually(() => expect(waiting.length).toBeGreaterThan(ended));
      if (ended >= 3) expect(worker.active).toBeLessThanOrEqual(2);
      waiting[ended]?.();
      await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(11 + ended));
    }
    expect(() => {
      worker.concurrency = 0;
    }).toThrow(RangeError);
    expect(errors.filter((error) => error instanceof ReceiptStaleError)).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('answers for each message of a batch by itself', async () => {
    const queue = queues.queue<string>('batches');
    await queue.configure({ keepResultsMs: 60_000 });
    const told: unknown[] = [];
    const sizes: number[] = [];
    const sent = await Promise.all(['early', 'bad', 'late'].map((body) => queue.send(body)));
    await using _ = queue.worker(
      (items) => {
        sizes.push(items.length);
        for (const item of items) {
          if (item.message.body === 'early') item.done('soon');
          if (item.message.body === 'bad' && item.message.receiveCount === 1) {
            item.fail(new Error('no'));
            continue;
          }
          // Only the first answer counts.
          if (item.message.body === 'early') item.fail(new Error('never'));
          else if (item.message.receiveCount === 1) item.send('chained', 1);
        }
      },
      {
        batch: 10,
        backoff: BACK_AT_ONCE,
        onError: (error, message) => told.push([error, message?.body]),
      },
    );
    await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(3));
    expect(sizes).toEqual([3, 1]);
    expect((await queue.inspect()).stats).toMatchObject({ received: 4, failed: 1 });
    expect(told).toEqual([[new Error('no'), 'bad']]);
    expect(await queue.message(sent[0]?.id ?? '')).toMatchObject({ state: 'done', result: 'soon' });
    expect((await queue.message(sent[1]?.id ?? '')).attempts).toMatchObject([{ reason: 'Error: no' }, {}]);
    await eventually(async () => expect((await queues.queue('chained').inspect()).stats.sent).toBe(1));
  });

  it('fails what a handler that threw has not answered for, and what does not fit the schema', async () => {
    const queue = queues.queue<number>('thrown');
    await queue.configure({ maxReceives: 1 });
    const told: unknown[] = [];
    const failed: unknown[] = [];
    await Promise.all([1, 2, 3, 'four' as never].map((body) => queue.send(body)));
    await using _ = queue.worker(
      ([first]) => {
        first?.done();
        throw new Error('all others');
      },
      {
        batch: 10,
        schema: z.number(),
        onError: (error, message) => told.push([(error as Error).name, message?.body]),
        onFailed: ({ body }, error, status) => failed.push([body, (error as Error).name, status]),
      },
    );
    await eventually(async () => expect((await queue.inspect()).stats).toMatchObject({ acked: 1, dead: 3 }));
    await eventually(() =>
      expect(failed.toSorted()).toEqual([
        [2, 'Error', 'dead'],
        [3, 'Error', 'dead'],
        ['four', 'InvalidBodyError', 'dead'],
      ]),
    );
    expect(told).toEqual([
      ['InvalidBodyError', 'four'],
      ['Error', undefined],
    ]);
  });

  it('has no two messages of a group in a batch, and hands them on in order', async () => {
    const queue = queues.queue<number>('batched-groups');
    const faults: unknown[] = [];
    const done: Record<string, number[]> = { a: [], b: [], c: [] };
    let running = 0;
    const groups = Object.keys(done);
    const steps = [1, 2, 3, 4, 5];
    await Promise.all(steps.flatMap((step) => groups.map((groupId) => queue.send(step, { groupId }))));
    await queue.send(0);
    await using _ = queue.worker(
      async (items) => {
        running += 1;
        const names = items.map(({ message }) => message.groupId);
        if (new Set(names).size < names.length) faults.push(names);
        await new Promise(setImmediate);
        for (const { message, fail } of items) {
          const { groupId, body, receiveCount } = message;
          if (groupId === 'b' && body === 2 && receiveCount === 1) fail(new Error('not yet'));
          else if (groupId !== null) done[groupId]?.push(body);
        }
        running -= 1;
      },
      { batch: 10, concurrency: 2, backoff: BACK_AT_ONCE, onError: () => undefined },
    );
    await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(16));
    expect(faults).toEqual([]);
    expect(done).toEqual({ a: steps, b: steps, c: steps });
    expect((await queue.inspect()).stats.failed).toBe(1);
    expect(running).toBe(0);
  });

  it('keeps each message of a batch, and tells which was lost', async () => {
    const queue = queues.queue<number>('lost-of-batch');
    await queue.configure({ visibilityTimeoutMs: 2_000 });
    const lost: unknown[] = [];
    const errors: unknown[] = [];
    const aborted: unknown[] = [];
    let finish = () => {};
    await Promise.all([1, 2, 3].map((body) => queue.send(body)));
    await using worker = queue.worker(
      async (items, { signal }) => {
        for (const item of items) {
          item.signal.addEventListener('abort', () => aborted.push(item.message.body));
        }
        signal.addEventListener('abort', () => aborted.push(signal.reason));
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
      },
      {
        batch: 3,
        onError: (error) => errors.push(error),
        onLost: ({ body }, reason) => lost.push([body, (reason as Error).name]),
      },
    );
    const inFlight = async () => (await queue.browse('inFlight')).messages;
    const before = await eventually(async () => {
      const messages = await inFlight();
      expect(messages).toHaveLength(3);
      return messages;
    });
    await eventually(async () => {
      const extended = (await inFlight()).map(({ availableAt }, i) => availableAt !== before[i]?.availableAt);
      expect(extended).toEqual([true, true, true]);
    });
    await queue.cancel(before.find(({ body }) => body === 2)?.id ?? '');
    await eventually(() => expect(lost).toEqual([[2, 'CancelledError']]));
    expect(aborted).toEqual([2]);
    await queue.purge();
    await eventually(() => expect(lost).toHaveLength(3));
    expect(aborted).toEqual([2, expect.any(Number), expect.any(Number), expect.any(LeaseLostError)]);
    finish();
    await eventually(() => expect(worker.active).toBe(0));
    await worker.stop();
    // None is told twice.
    expect(lost).toHaveLength(3);
    expect(errors.every((error) => error instanceof ReceiptStaleError)).toBe(true);
    expect((await queue.inspect()).stats).toMatchObject({ received: 3, acked: 0, failed: 0 });
  });

  it('gives a batch back that takes too long, or longer than its stop, but for what is done', async () => {
    const queue = queues.queue<number>('slow-batch');
    const failed: unknown[] = [];
    const reasons: unknown[] = [];
    const handler: BatchHandler<number> = async (items, { signal }) => {
      if (items.length > 1) items[0]?.done();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      reasons.push((signal.reason as Error).name);
    };
    await Promise.all([1, 2].map((body) => queue.send(body)));
    await using worker = queue.worker(handler, {
      batch: 2,
      timeoutMs: 300,
      backoff: { baseMs: 3_600_000, factor: 1, maxMs: 3_600_000 },
      onError: () => undefined,
      onFailed: ({ body }, error) => failed.push([body, (error as Error).name]),
    });
    await eventually(() => expect(failed).toEqual([[2, 'HandlerTimeoutError']]));
    expect((await queue.inspect()).stats).toMatchObject({ acked: 1, delayed: 1 });
    await worker.stop();
    await Promise.all([3, 4].map((body) => queue.send(body)));
    const other = queue.worker(handler, { batch: 2, onError: () => undefined });
    await eventually(async () => expect((await queue.inspect()).stats).toMatchObject({ acked: 2 }));
    await other.stop(0);
    await eventually(() => expect(reasons).toEqual(['HandlerTimeoutError', 'LeaseLostError']));
    expect((await queue.inspect()).stats).toMatchObject({ acked: 2, ready: 1, inFlight: 0, failed: 1 });
  });

  it('serves several queues in turns, with one concurrency', async () => {
    const [noisy, quiet, late] = ['noisy', 'quiet', 'not-there-yet'].map((name) =>
      queues.queue<number>(name),
    );
    const order: string[] = [];
    const errors: unknown[] = [];
    let most = 0;
    let open = Promise.resolve();
    await Promise.all([
      ...Array.from({ length: 60 }, (_, i) => noisy?.send(i)),
      ...Array.from({ length: 5 }, (_, i) => quiet?.send(i, { groupId: 'g' })),
    ]);
    await using worker = queues.worker<number>(
      ['noisy', 'not-there-yet', 'quiet'],
      async ({ queue }) => {
        most = Math.max(most, worker.active);
        order.push(queue);
        await open;
      },
      { onError: (error) => errors.push(error) },
    );
    await eventually(() => expect(order).toHaveLength(65));
    expect(order.slice(0, 11).filter((queue) => queue === 'quiet')).toHaveLength(5);
    expect(most).toBe(1);
    // All wait now. Of two messages of one moment the one without room is given back, and comes next.
    let finish = () => {};
    open = new Promise((resolve) => {
      finish = resolve;
    });
    await Promise.all([noisy?.send(1), quiet?.send(1)]);
    await eventually(async () => {
      const all = await Promise.all([noisy?.inspect(), quiet?.inspect()]);
      const sum = (of: 'ready' | 'inFlight') =>
        all.reduce((count, queue) => count + (queue?.stats[of] ?? 0), 0);
      expect([worker.active, sum('inFlight'), sum('ready')]).toEqual([1, 1, 1]);
    });
    finish();
    await late?.send(1);
    await eventually(() => expect(order.slice(65).toSorted()).toEqual(['noisy', 'not-there-yet', 'quiet']));
    expect(most).toBe(1);
    await worker.stop();
    for (const queue of [noisy, quiet, late]) {
      expect((await queue?.inspect())?.stats).toMatchObject({ ready: 0, inFlight: 0, failed: 0 });
    }
    expect(errors).toEqual([]);
    for (const names of [[], ['a', 'b', 'a']]) {
      expect(() => queues.worker(names, () => undefined)).toThrow(RangeError);
    }
  });

  it('tells once what became of each message, and when there is nothing to do, to listeners that throw, too', async () => {
    const queue = queues.queue<string>('told');
    await queue.configure({ maxReceives: 2 });
    const told: string[] = [];
    const errors: unknown[] = [];
    const tell = (what: string) => {
      told.push(what);
      throw new Error(`told ${what}`);
    };
    await using _ = queue.worker(
      ({ body }) => {
        if (body === 'bad') throw new Error('bad');
        return body;
      },
      {
        backoff: BACK_AT_ONCE,
        onError: (error) => errors.push((error as Error).message),
        onDone: ({ body }, result) => tell(`done ${body} ${result}`),
        onFailed: ({ body }, _error, status) => tell(`failed ${body} ${status}`),
        onIdle: async () => tell('idle'),
      },
    );
    await eventually(() => expect(told).toEqual(['idle']));
    await queue.send('good');
    await eventually(() => expect(told).toEqual(['idle', 'done good good', 'idle']));
    await queue.send('bad');
    await eventually(() => {
      const later = told.slice(3);
      expect(later.filter((what) => what !== 'idle')).toEqual(['failed bad requeued', 'failed bad dead']);
      expect(later.at(-1)).toBe('idle');
    });
    expect(errors).toEqual(expect.arrayContaining(told.map((what) => `told ${what}`)));
  });
});
