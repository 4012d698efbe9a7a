import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../../test/stages/deployment.js';
import {
  type Handler,
  type Message,
  type Queue,
  type QueueClient,
  type Worker,
  type WorkerOptions,
} from '../../index.js';

interface Step {
  readonly group: string;
  readonly step: number;
}

let deployment: Deployment;
/** One client for each, as separate processes have. */
let clients: QueueClient[];
let count = 0;

/** Records what the handlers of all workers do, in order. */
class Record {
  readonly begun: Record.Begun[] = [];
  readonly done = new Map<string, number[]>();
  /** Violations of the order. */
  readonly faults: string[] = [];
  private readonly running = new Map<string, number>();

  async during(
    { body: { group, step }, receiveCount }: Message<Step>,
    work: () => Promise<void>,
  ): Promise<void> {
    const other = this.running.get(group);
    if (other !== undefined) this.faults.push(`${group}: ${step} began while ${other} was handled`);
    const done = this.done.get(group) ?? [];
    if (step !== done.length + 1) this.faults.push(`${group}: ${step} began after ${done.join() || 'none'}`);
    this.running.set(group, step);
    this.begun.push({ group, step, receiveCount });
    try {
      await work();
      this.done.set(group, [...done, step]);
    } finally {
      this.running.delete(group);
    }
  }

  get most(): number {
    return [...this.done.values()].reduce((sum, { length }) => sum + length, 0);
  }
}
namespace Record {
  export interface Begun extends Step {
    readonly receiveCount: number;
  }
}

async function queueOf(groups: readonly string[], steps: number, changes = {}): Promise<Queue<Step>> {
  const queue = (clients[0] as QueueClient).queue<Step>(`groups-${count++}`);
  await queue.configure(changes);
  for (let step = 1; step <= steps; step++) {
    await Promise.all(groups.map((group) => queue.send({ group, step }, { groupId: group })));
  }
  return queue;
}

function workersOf(queue: Queue<Step>, handler: Handler<Step>, options: WorkerOptions, of = clients) {
  return of.map((client) => client.worker<Step>(queue.name, handler, options));
}
const stopThem = (workers: readonly Worker<Step>[]) => Promise.all(workers.map((worker) => worker.stop()));

describe.each(WAYS)('queues over %s:', (way) => {
  beforeAll(async () => {
    deployment = await Deployment.start(way, 'queue');
    clients = await Promise.all([0, 1, 2].map(() => deployment.connectQueues()));
  });
  afterAll(() => deployment?.stop());

  describe('the messages of a group', () => {
    it('are handled one after the other, in order, at any concurrency', async () => {
      const queue = await queueOf(['g'], 6);
      const record = new Record();
      const handler = (message: Message<Step>) => record.during(message, () => sleep(Math.random() * 10));
      const workers = workersOf(queue, handler, { concurrency: 8 });
      await eventually(() => expect(record.most).toBe(6));
      await stopThem(workers);
      expect(record.faults).toEqual([]);
      expect(record.done.get('g')).toEqual([1, 2, 3, 4, 5, 6]);
    });

    it('do not block other groups, however many of them wait', async () => {
      const groups = Array.from({ length: 8 }, (_, i) => `g${i}`);
      const queue = await queueOf(groups, 20);
      const held = new Set<string>();
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const workers = workersOf(
        queue,
        async ({ body }) => {
          held.add(body.group);
          await released;
        },
        { concurrency: 8 },
        clients.slice(0, 1),
      );
      await eventually(() => expect(held.size).toBe(8));
      expect(workers[0]?.active).toBe(8);
      release();
      await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(160), 20_000);
      await stopThem(workers);
    });

    it('are handled at the same time as far as the queue lets them', async () => {
      const queue = await queueOf(['g'], 6, { maxInFlightPerGroup: 3 });
      let running = 0;
      let most = 0;
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const handler = async () => {
        running += 1;
        most = Math.max(most, running);
        await released;
        running -= 1;
      };
      const workers = workersOf(queue, handler, { concurrency: 8 }, clients.slice(0, 1));
      await eventually(() => expect(running).toBe(3));
      release();
      await eventually(async () => expect((await queue.inspect()).stats.acked).toBe(6), 20_000);
      await stopThem(workers);
      expect(most).toBe(3);
    });

    it('are given back uncounted after one of them failed, and come after its retry', async () => {
      const queue = await queueOf(['g', 'other'], 5, { maxReceives: 2 });
      const record = new Record();
      let failed = 0;
      const workers = workersOf(
        queue,
        (message) =>
          record.during(message, async () => {
            await sleep(1);
            const { group, step } = message.body;
            if (group !== 'g' || step === 5 || message.receiveCount > 1) return;
            failed += 1;
            throw new Error('not yet');
          }),
        { concurrency: 8, backoff: { baseMs: 20, factor: 1, maxMs: 20 }, onError: () => undefined },
      );
      await eventually(() => expect(record.most).toBe(10));
      await stopThem(workers);
      expect(record.faults).toEqual([]);
      // If these deliveries counted, the messages would be dead letters by now.
      expect(failed).toBe(4);
      const attempts = record.begun.filter(({ group }) => group === 'g').map((b) => [b.step, b.receiveCount]);
      expect(attempts).toEqual(
        [1, 2, 3, 4]
          .flatMap((step) => [
            [step, 1],
            [step, 2],
          ])
          .concat([[5, 1]]),
      );
      expect((await queue.inspect()).stats).toMatchObject({ dead: 0, acked: 10, inFlight: 0 });
    });

    it('wait behind one that takes longer than its visibility timeout', async () => {
      const queue = await queueOf(['g'], 4, { visibilityTimeoutMs: 2_000 });
      const record = new Record();
      const workers = workersOf(
        queue,
        (message) => record.during(message, () => sleep(message.body.step === 1 ? 5_000 : 1)),
        { concurrency: 4 },
      );
      await eventually(() => expect(record.most).toBe(4), 15_000);
      await stopThem(workers);
      expect(record.faults).toEqual([]);
      expect(record.begun.map(({ receiveCount }) => receiveCount)).toEqual([1, 1, 1, 1]);
    });

    it('wait in the worker for a handler that still runs after its message was lost', async () => {
      const queue = await queueOf(['g'], 2);
      const running: number[] = [];
      let most = 0;
      let finish = () => {};
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const errors: unknown[] = [];
      const [client] = clients as [QueueClient];
      await using worker = client.worker<Step>(
        queue.name,
        async ({ body }, { signal }) => {
          running.push(body.step);
          most = Math.max(most, worker.active);
          if (running.length > 1) return;
          // Ignores its signal.
          signal.addEventListener('abort', () => errors.push(signal.reason));
          await finished;
        },
        {
          concurrency: 4,
          visibilityTimeoutMs: 2_000,
          onError: (error, message) => message && errors.push(error),
        },
      );
      await eventually(() => expect(running).toEqual([1]));
      await queue.purge();
      await queue.send({ group: 'g', step: 3 }, { groupId: 'g' });
      // The message is received, and the worker extends it.
      await eventually(async () => expect((await queue.inspect()).stats.inFlight).toBe(1));
      await eventually(() => expect(errors).toMatchObject([{ name: 'LeaseLostError' }]));
      expect(running).toEqual([1]);
      finish();
      await eventually(() => expect(running).toEqual([1, 3]));
      expect(most).toBe(1);
      expect(errors).toMatchObject([{ name: 'LeaseLostError' }, { name: 'ReceiptStaleError' }]);
    });

    it('keep their order through random failures, slow handlers, stops and new workers', async () => {
      const groups = Array.from({ length: 12 }, (_, i) => `group-${i}`);
      const steps = 15;
      const queue = await queueOf(groups, steps, { maxReceives: 1_000 });
      const record = new Record();
      let failures = 0;
      const handler = (message: Message<Step>) =>
        record.during(message, async () => {
          await sleep(Math.random() < 0.1 ? 40 : Math.random() * 3);
          if (Math.random() < 0.15) {
            failures += 1;
            throw new Error('by chance');
          }
        });
      const options = {
        concurrency: 5,
        backoff: { baseMs: 10, factor: 1, maxMs: 10 },
        onError: () => undefined,
      };
      let workers = workersOf(queue, handler, options);
      const all = groups.length * steps;
      while (record.most < all) {
        await sleep(50);
        const [oldest, ...others] = workers as [Worker<Step>, ...Worker<Step>[]];
        const [next] = workersOf(queue, handler, options, [clients[count++ % 3] as QueueClient]);
        workers = [...others, next as Worker<Step>];
        await oldest.stop();
        expect(record.faults).toEqual([]);
      }
      await stopThem(workers);
      expect(record.faults).toEqual([]);
      expect(failures).toBeGreaterThan(0);
      expect((await queue.inspect()).stats).toMatchObject({ acked: all, inFlight: 0, ready: 0, dead: 0 });
    }, 60_000);
  });
});
