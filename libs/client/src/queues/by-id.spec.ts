import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import {
  CancelledError,
  DeadLetterError,
  type HandlerContext,
  InFlightError,
  type Message,
  NotFoundError,
  type Queue,
  type QueueClient,
} from '../index.js';
import { failureOf } from './worker/failure.js';

let deployment: Deployment;
let queues: QueueClient;
let queue: Queue<string>;
let count = 0;

beforeEach(async () => {
  queue = queues.queue<string>(`by-id-${count++}`);
  // No heartbeat of a worker comes within a test.
  await queue.configure({ visibilityTimeoutMs: 3_600_000 });
});

/** A handler that runs until its signal aborts, and what came of it. */
function patientWorker(source = queue) {
  const begun: string[] = [];
  const ended: unknown[] = [];
  const reported: unknown[] = [];
  const worker = source.worker(
    async ({ body }: Message<string>, { signal }: HandlerContext) => {
      begun.push(body);
      if (body === 'short') return;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      ended.push(signal.reason);
      signal.throwIfAborted();
    },
    { onError: (error) => reported.push(error) },
  );
  return { worker, begun, ended, reported };
}

describe.each(WAYS)('queues over %s:', (way) => {
  beforeAll(async () => {
    deployment = await Deployment.start(way, 'queue');
    queues = await deployment.connectQueues();
  });
  afterAll(() => deployment?.stop());

  describe('a message by its id', () => {
    it('is shown, rescheduled and waited for', async () => {
      const { id } = await queue.send('x', { delayMs: 600_000 });
      expect(await queue.message(id)).toMatchObject({
        id,
        body: 'x',
        state: 'delayed',
        why: { kind: 'delayed' },
      });
      expect(await queue.reschedule(id, { delayMs: 0, priority: 7 })).toMatchObject({
        state: 'ready',
        priority: 7,
      });
      const ended = queue.message(id, { waitMs: 30_000 });
      const [message] = await queue.receive();
      await expect(queue.reschedule(id, { priority: 1 })).rejects.toThrow(InFlightError);
      await queue.ack(message?.receipt ?? '');
      // Perhaps the wait began after the end.
      const state = await ended.then((shown) => shown.state).catch((error) => error.constructor);
      expect(['done', NotFoundError]).toContain(state);
    });

    it('is cancelled while it waits', async () => {
      const { id } = await queue.send('x');
      await queue.cancel(id);
      await queue.cancel(id, { reason: 'again' });
      expect(await queue.receive()).toEqual([]);
      expect(await queue.message(id)).toMatchObject({ state: 'cancelled', body: null });
      await expect(queue.cancel('1-1')).rejects.toThrow(NotFoundError);
    });

    it('leaves its handler at once when it is cancelled, which is no error, and its group goes on', async () => {
      const { worker, begun, ended, reported } = patientWorker();
      const { id } = await queue.send('long', { groupId: 'G' });
      await eventually(() => expect(begun).toEqual(['long']));
      await queue.send('short', { groupId: 'G' });
      await queue.cancel(id, { reason: 'withdrawn' });
      await eventually(() => expect(begun).toEqual(['long', 'short']));
      expect(ended).toEqual([new CancelledError(id, 'withdrawn')]);
      expect(ended[0]).toBeInstanceOf(CancelledError);
      expect(reported).toEqual([]);
      await eventually(async () =>
        expect((await queue.inspect()).stats).toMatchObject({ acked: 1, expired: 1 }),
      );
      await worker.stop();
    });

    it('leaves its handler at the next heartbeat when nobody told the worker', async () => {
      await queue.configure({ visibilityTimeoutMs: 3_000 });
      const deaf = Object.create(queue, {
        watch: {
          value: (receipts: string[], waitMs: number, signal: AbortSignal) =>
            waitMs > 0 ? Promise.reject(new Error('deaf')) : queue.watch(receipts, waitMs, signal),
        },
      }) as Queue<string>;
      const { worker, begun, ended, reported } = patientWorker(deaf);
      const { id } = await queue.send('long');
      await eventually(() => expect(begun).toEqual(['long']));
      await queue.cancel(id);
      await eventually(() => expect(ended).toEqual([new CancelledError(id, null)]));
      expect(ended[0]).toBeInstanceOf(CancelledError);
      expect(reported).toEqual([]);
      await worker.stop();
    });

    it('tells why its handler failed, and goes to the dead letters with it', async () => {
      const failing = queue.worker(
        () => {
          throw new RangeError('too far');
        },
        { backoff: 'queue', onError: () => undefined },
      );
      const { id } = await queue.send('x');
      await eventually(async () => expect((await queue.message(id)).state).toBe('dead'));
      await failing.stop();
      const { attempts } = await queue.message(id);
      expect(attempts).toHaveLength(5);
      for (const { how, reason, detail } of attempts) {
        expect([how, reason]).toEqual(['nacked', 'RangeError: too far']);
        expect(detail).toContain('by-id.spec');
      }
    });

    it('becomes a dead letter at once, with the reason of who gives it back', async () => {
      const { id } = await queue.send('x');
      const [message] = await queue.receive();
      const how = { dead: true, reason: 'malformed', detail: 'no orderId' };
      expect(await queue.nack([message?.receipt ?? ''], how)).toMatchObject([{ status: 'dead' }]);
      expect(await queue.message(id)).toMatchObject({ state: 'dead', attempts: [{ reason: 'malformed' }] });
    });
  });

  describe('the result of a message', () => {
    const handled = async (
      handler: Parameters<typeof queue.worker>[0],
      onError?: (error: unknown) => void,
    ) => {
      await queue.configure({ keepResultsMs: 3_600_000, maxReceives: 1 });
      return queue.worker(handler, { ...(onError && { onError }) });
    };

    it('is what the handler returned, and its progress what it told', async () => {
      const held: (() => void)[] = [];
      await using _worker = await handled(async ({ body }, { progress }) => {
        await progress({ percent: 50 });
        await new Promise<void>((resolve) => held.push(resolve));
        return body === 'nothing' ? undefined : { answer: body };
      });
      const { id } = await queue.send('x');
      const result = queue.result<{ answer: string }>(id);
      await eventually(async () => expect(held).toHaveLength(1));
      expect(await queue.message(id)).toMatchObject({ state: 'inFlight', progress: { percent: 50 } });
      held.shift()?.();
      expect(await result).toEqual({ answer: 'x' });
      const nothing = await queue.send('nothing');
      await eventually(async () => expect(held).toHaveLength(1));
      held.shift()?.();
      expect(await queue.result(nothing.id)).toBeNull();
    });

    it('is none when it cannot be kept: the message is done', async () => {
      const reported: unknown[] = [];
      await using _worker = await handled(
        ({ body }) => (body === 'large' ? 'x'.repeat(300_000) : 1n),
        (error) => reported.push(error),
      );
      const sent = await Promise.all(['large', 'bigint'].map((body) => queue.send(body)));
      expect(await Promise.all(sent.map(({ id }) => queue.result(id)))).toEqual([null, null]);
      expect(reported.map((error) => (error as Error).constructor.name).sort()).toEqual([
        'TypeError',
        'ValidationError',
      ]);
    });

    it('is not there for one that failed or was cancelled', async () => {
      await using _worker = await handled(
        () => {
          throw new Error('broken');
        },
        () => undefined,
      );
      const { id } = await queue.send('x');
      const error = (await queue.result(id).catch((thrown) => thrown)) as DeadLetterError;
      expect(error).toBeInstanceOf(DeadLetterError);
      expect(error.message).toContain('broken');
      const later = await queue.send('later', { delayMs: 600_000 });
      const result = queue.result(later.id);
      await queue.cancel(later.id);
      await expect(result).rejects.toThrow(CancelledError);
      await expect(queue.result(later.id, { signal: AbortSignal.abort(new Error('mine')) })).rejects.toThrow(
        'mine',
      );
    });
  });

  describe('messages by what they have', () => {
    it('are found, deleted and redriven over as many calls as it takes', async () => {
      const bodies = Array.from({ length: 5_500 }, (_, i) => `${i}.`);
      await Promise.all(
        bodies.map((body) => queue.send(body, { headers: { parity: String(body.length % 2) } })),
      );
      const page = await queue.search('ready', { body: '5499.' });
      expect(page).toMatchObject({ messages: [], examined: 5_000 });
      const next = await queue.search('ready', { body: '5499.' }, { cursor: page.cursor ?? '' });
      expect(next).toMatchObject({ messages: [{ body: '5499.' }], cursor: null });
      expect(await queue.deleteMessages({ where: { body: '499.' } })).toBe(6);
      expect(await queue.deleteMessages({ ids: [next.messages[0]?.id ?? '', '1-1'] })).toBe(0);
      expect((await queue.inspect()).stats).toMatchObject({ ready: 5_494, expired: 6 });
    });

    it('are redriven by ids and by a filter, at most so many', async () => {
      await Promise.all(['a', 'b', 'c'].map((body) => queue.send(body)));
      const held = await queue.receive({ max: 3 });
      await queue.nack(
        held.map(({ receipt }) => receipt),
        { dead: true, reason: 'broken' },
      );
      const dead = queues.queue<string>(`${queue.name}.dead`);
      expect((await queue.search('dead', { reason: 'broken' })).messages).toHaveLength(3);
      expect(await dead.redrive({ where: { reason: 'broken' }, max: 1 })).toBe(1);
      expect(await dead.redrive({ ids: held.map(({ id }) => id) })).toBe(2);
      expect((await queue.inspect()).stats).toMatchObject({ ready: 3, dead: 0 });
    });
  });

  describe('what a worker says about a failure', () => {
    const bytes = (text = '') => Buffer.byteLength(text);

    it('has the bytes that a node takes, and whole characters', () => {
      const { reason, detail } = failureOf(new Error('ü'.repeat(10_000)));
      expect([bytes(reason), bytes(detail)]).toEqual([255, 4_095]);
      expect(reason).toMatch(/^Error: ü+$/);
      expect(failureOf('\ud800')).toEqual({ reason: '\ufffd' });
    });

    it('is made of anything that is thrown', () => {
      expect(failureOf(undefined)).toEqual({ reason: 'undefined' });
      expect(failureOf({ code: 1 })).toEqual({ reason: '{ code: 1 }' });
      const hostile = Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('no');
        },
      });
      expect(failureOf(hostile).reason).not.toBe('');
    });
  });
});
