import { once } from 'node:events';
import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../../test/stages/deployment.js';
import { LeaseLostError, type QueueClient, ReceiptStaleError, type WorkerOptions } from '../../index.js';

let deployment: Deployment;
let queues: QueueClient;
/** Errors for which Node would end the process. */
const fatal: unknown[] = [];
const onFatal = (error: unknown) => fatal.push(error);

afterEach(() => {
  expect(fatal.splice(0)).toEqual([]);
});

const BACK_AT_ONCE = { backoff: { baseMs: 1, factor: 1, maxMs: 1 } };
const hostile = new Proxy(new Error('hidden'), {
  get() {
    throw new Error('hands off');
  },
  getPrototypeOf() {
    throw new Error('hands off');
  },
});
class Unspeakable extends Error {
  override get message(): string {
    throw new Error('no message');
  }
  override get stack(): string {
    throw new Error('no stack');
  }
}
const THROWN: readonly [string, unknown][] = [
  ['an object without a prototype', Object.create(null)],
  ['a symbol', Symbol('s')],
  ['undefined', undefined],
  ['null', null],
  ['a proxy that throws', hostile],
  ['an error with a getter that throws', new Unspeakable()],
  ['a function', () => 1],
  ['a bigint', 1n],
];
const ON_ERROR: readonly [string, WorkerOptions['onError']][] = [
  ['nothing', undefined],
  [
    'a function that throws',
    () => {
      throw Object.create(null);
    },
  ],
  ['a function that rejects', (() => Promise.reject(hostile)) as never],
];

describe.each(WAYS)('queues over %s:', (way) => {
  beforeAll(async () => {
    deployment = await Deployment.start(way, 'queue');
    queues = await deployment.connectQueues();
    process.on('unhandledRejection', onFatal).on('uncaughtException', onFatal);
  });
  afterAll(async () => {
    process.off('unhandledRejection', onFatal).off('uncaughtException', onFatal);
    await deployment?.stop();
  });

  describe.each(ON_ERROR)('a worker whose onError is %s', (what, onError) => {
    // For an onError that fails, a few values are enough.
    it.each(onError === undefined ? THROWN : THROWN.slice(0, 2))(
      'gives a message back after its handler threw %s, and continues',
      async (name, thrown) => {
        const queue = queues.queue<number>(`${what}-${name}`.replaceAll(' ', '-'));
        const handled: number[] = [];
        await using worker = queue.worker(
          async ({ body, receiveCount }) => {
            if (receiveCount === 1) throw thrown;
            handled.push(body);
          },
          { ...BACK_AT_ONCE, ...(onError && { onError }) },
        );
        await queue.send(1);
        await queue.send(2);
        await eventually(() => expect(handled.toSorted()).toEqual([1, 2]));
        await worker.stop();
        expect((await queue.inspect()).stats).toMatchObject({ acked: 2, ready: 0, inFlight: 0, dead: 0 });
      },
    );
  });

  describe('a worker', () => {
    it('continues after its handler returned any value', async () => {
      const queue = queues.queue<number>('returns');
      const told: unknown[] = [];
      await using _ = queue.worker(({ receiveCount }) => (receiveCount === 1 ? hostile : 'fine'), {
        ...BACK_AT_ONCE,
        onError: (error) => told.push(error),
      });
      await queue.send(1);
      await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(1));
      expect(told).toMatchObject([{ message: 'hands off' }]);
    });

    it('reports ReceiptStaleError when a handler finishes too late', async () => {
      const queue = queues.queue<string>('late');
      const told: [unknown, string | undefined][] = [];
      await using _ = queue.worker(
        async ({ body }, { signal }) => {
          await once(signal, 'abort');
          if (body === 'throws') throw signal.reason;
        },
        {
          visibilityTimeoutMs: 1_500,
          concurrency: 2,
          onError: (error, message) => message && told.push([error, message.id]),
        },
      );
      for (const body of ['returns', 'throws']) {
        const { id } = await queue.send(body);
        await eventually(async () => expect((await queue.inspect()).stats.inFlight).toBe(1));
        await queue.purge();
        const late = [expect.any(ReceiptStaleError), id];
        const expected = body === 'returns' ? [late] : [[expect.any(LeaseLostError), id], late];
        await eventually(() => expect(told).toEqual(expected));
        expect(told.splice(0).at(-1)?.[0]).toMatchObject({ code: 'receipt-stale', messageId: id });
      }
    });

    it('uses the visibility timeout and the back-off of its queue', async () => {
      const queue = queues.queue<number>('configured');
      await queue.configure({
        visibilityTimeoutMs: 60_000,
        backoff: { baseMs: 3_600_000, factor: 1, maxMs: 3_600_000 },
      });
      let visibleUntil = 0;
      await using _ = queue.worker(
        (message) => {
          visibleUntil = Date.parse(message.visibleUntil);
          throw new Error('later');
        },
        { onError: () => undefined },
      );
      const sentAt = Date.now();
      await queue.send(1);
      await eventually(async () => expect((await queue.inspect()).stats.delayed).toBe(1));
      expect(visibleUntil - sentAt).toBeGreaterThan(50_000);
      const { messages } = await queue.browse('delayed');
      // The jitter is up to a fifth.
      expect(Date.parse(messages[0]?.availableAt ?? '') - sentAt).toBeGreaterThan(2_800_000);
    });

    it('extends messages by the visibility timeout of the queue', async () => {
      const queue = queues.queue<number>('kept');
      await queue.configure({ visibilityTimeoutMs: 2_000 });
      let deliveries = 0;
      await using _ = queue.worker(async () => {
        deliveries += 1;
        await new Promise((resolve) => setTimeout(resolve, 3_500));
      });
      await queue.send(1);
      await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(1), 20_000);
      expect(deliveries).toBe(1);
    });

    it.each([
      { concurrency: 0 },
      { concurrency: 1.5 },
      { concurrency: Number.NaN },
      { visibilityTimeoutMs: 0 },
      { visibilityTimeoutMs: Number.POSITIVE_INFINITY },
      { backoff: { baseMs: Number.NaN, factor: 1, maxMs: 1 } },
      { backoff: { baseMs: 1, factor: 0.5, maxMs: 1 } },
      { batch: 0 },
      { batch: 1_001 },
      { stopTimeoutMs: -1 },
      { stopTimeoutMs: Number.NaN },
      { stopTimeoutMs: 2 ** 31 },
    ])('is refused with %j', (options) => {
      const [option = ''] = Object.keys(options);
      expect(() => queues.worker('refused', () => undefined, options)).toThrow(option);
      expect(() => queues.worker('refused', 'no function' as never)).toThrow(TypeError);
    });
  });
});
