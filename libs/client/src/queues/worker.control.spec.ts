import { eventually } from '@syncline/testing';
import { z } from 'zod';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import { HandlerTimeoutError, InvalidBodyError, type QueueClient, ReceiptStaleError } from '../index.js';

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
        backoff: { baseMs: 1, factor: 1, maxMs: 1 },
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
});
