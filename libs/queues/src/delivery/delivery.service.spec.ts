import type { Membership } from '@syncline/cluster';
import type { Received } from '@syncline/contracts';
import { ClientLink, Drain, Metrics, ProcessIdentity, Tenants } from '@syncline/runtime';
import { eventually } from '@syncline/testing';
import { bodies, QueueScripts } from '../../../../test/stages/queue-scripts.js';
import { ChainsService } from '../chains/chains.service.js';
import { MessageBytes } from '../messages/message-bytes.js';
import { MessagesService } from '../messages/messages.service.js';
import { Receipts } from '../messages/receipts.js';
import { Memory } from '../recovery/memory.js';
import { WakeUps } from '../redis/wake-ups.js';
import { DueTimers } from '../timers/due-timers.js';
import { DeliveryService } from './delivery.service.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { ParkedReceivers } from './parked-receivers.js';

let stage: QueueScripts;

beforeAll(async () => {
  stage = await QueueScripts.start();
});
afterAll(() => stage.stop());
beforeEach(() => stage.nextQueue());
afterEach(async () => {
  expect(await stage.audit()).toEqual([]);
});

const key = (part: string) => `syncline:{queue:${stage.queue}}:${part}`;
const inLine = () => stage.redis.zrange(key('w'), '0', '-1');

/** A queue whose next due thing is known: one message is in flight. */
async function begin(): Promise<void> {
  await stage.configure({ visibilityTimeoutMs: 20_000 });
  await stage.send({ body: 'first' });
  await stage.receive(1, 10_000);
}

/** How often Redis did something while a call ran. */
async function counted(command: string, call: () => Promise<unknown>): Promise<number> {
  await stage.redis.config('RESETSTAT');
  await call();
  const stats = await stage.redis.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

describe('a node with parked receivers', () => {
  let messages: MessagesService;
  let delivery: DeliveryService;
  let receivers: ParkedReceivers;
  let drain: Drain;
  let timers: DueTimers;
  const never = new ClientLink();
  const two = [1, 2].map((body) => ({ body, headers: {}, priority: 0, delayMs: 0 }));

  beforeEach(() => {
    const alone = { nodeId: 'queue_1', owns: () => true } as unknown as Membership;
    drain = new Drain();
    receivers = new ParkedReceivers(
      stage.store,
      new WakeUps(stage.redis, alone),
      alone,
      new ProcessIdentity(),
      drain,
    );
    const metrics = new DeliveryMetrics(new Metrics());
    timers = new DueTimers(stage.store, alone, stage.outbox, stage.firing, metrics);
    const receipts = new Receipts(stage.store);
    const memory = new Memory();
    delivery = new DeliveryService(stage.store, receipts, receivers, timers, memory, metrics);
    const tenants = new Tenants();
    const bytes = new MessageBytes(tenants, stage.store);
    messages = new MessagesService(
      stage.store,
      receipts,
      receivers,
      delivery,
      timers,
      memory,
      tenants,
      bytes,
      new ChainsService(stage.store, tenants, bytes),
    );
  });
  afterEach(() => {
    drain.onModuleDestroy();
    receivers.onModuleDestroy();
    timers.onModuleDestroy();
  });

  const parked = () => eventually(async () => expect(await inLine()).toHaveLength(1));

  it('keeps the place of one that waited in vain for the next one, which need not ask Redis', async () => {
    await begin();
    expect(await delivery.receive(stage.queue, { max: 1, waitMs: 50 }, never)).toEqual({ messages: [] });
    const place = await inLine();
    expect(place).toHaveLength(1);
    let received: Promise<Received> | undefined;
    const scripts = await counted('fcall', async () => {
      await delivery.receive(stage.queue, { max: 1, waitMs: 50 }, never);
      received = delivery.receive(stage.queue, { max: 1, waitMs: 20_000 }, never);
    });
    expect(scripts).toBe(0);
    expect(await inLine()).toEqual(place);
    await messages.send(stage.queue, { messages: two });
    expect((await received)?.messages).toHaveLength(1);
  });

  it('gives a place up that nobody comes back to, or that was woken', async () => {
    await begin();
    await delivery.receive(stage.queue, { max: 1, waitMs: 50 }, never);
    const [place = ''] = await inLine();
    await stage.park('queue_3#behind');
    await stage.send({ body: 'x' });
    expect(await inLine()).toEqual(['queue_3#behind']);
    receivers.wake(stage.queue, [place]);
    await eventually(async () => expect(await inLine()).toEqual([]));
    await stage.receive(1);
    await delivery.receive(stage.queue, { max: 1, waitMs: 50 }, never);
    expect(await inLine()).toHaveLength(1);
    await eventually(async () => expect(await inLine()).toEqual([]));
  });

  it('finds out that a hint was lost, in one queue of many, by one command each time', async () => {
    // No hint reaches this stage.
    const queues = Array.from({ length: 5 }, (_, i) => `${stage.queue}-${i}`);
    const first = stage.queue;
    const received = [];
    for (const queue of queues) {
      stage.queue = queue;
      await begin();
      received.push(delivery.receive(queue, { max: 1, waitMs: 20_000 }, never));
      await parked();
    }
    const callsOf = async (command: string) => {
      const stats = await stage.redis.info('commandstats');
      return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    };
    const beats = async (from: number) =>
      eventually(async () => expect(await callsOf('getex')).toBeGreaterThan(from + 1));
    await beats(await callsOf('getex'));
    await stage.redis.config('RESETSTAT');
    await beats(0);
    expect(await callsOf('fcall')).toBe(0);
    await stage.send({ body: 'unheard' });
    expect((await received.at(-1))?.messages.map(({ body }) => body)).toEqual(['unheard']);
    drain.onModuleDestroy();
    await Promise.allSettled(received);
    stage.queue = first;
  });

  it('tells its client at once', async () => {
    await begin();
    const receiving = delivery.receive(stage.queue, { max: 10, waitMs: 20_000 }, never);
    await parked();
    const scripts = await counted('fcall', async () => {
      const { messages: sent } = await messages.send(stage.queue, { messages: two });
      const ids = sent.map((one) => 'id' in one && one.id);
      const received = await receiving;
      expect(received.messages.map(({ body, id, receiveCount }) => ({ body, id, receiveCount }))).toEqual([
        { body: 1, id: ids[0], receiveCount: 1 },
        { body: 2, id: ids[1], receiveCount: 1 },
      ]);
    });
    expect(scripts).toBe(1);
    expect(await stage.stats()).toMatchObject({ ready: 0, inFlight: 3 });
  });

  it('hands over also while it is only just being parked', async () => {
    await begin();
    const receiving = delivery.receive(stage.queue, { max: 10, waitMs: 20_000 }, never);
    const scripts = await counted('fcall', async () => {
      await messages.send(stage.queue, { messages: two });
      expect((await receiving).messages).toHaveLength(2);
    });
    expect(scripts).toBeLessThanOrEqual(2);
    expect(await inLine()).toEqual([]);
  });

  it('gives back, in order and uncounted, what its client disconnected from in that moment', async () => {
    await begin();
    const disconnect = new AbortController();
    const receiving = delivery.receive(stage.queue, { max: 10, waitMs: 20_000 }, disconnect.signal);
    await parked();
    const sending = messages.send(stage.queue, { messages: two });
    disconnect.abort(new Error('gone'));
    await expect(receiving).rejects.toThrow('gone');
    await sending;
    await eventually(async () => expect(await stage.stats()).toMatchObject({ ready: 2, inFlight: 1 }));
    const again = await stage.receive(10);
    expect(bodies(again)).toEqual([1, 2]);
    expect(again.messages.map(({ failures }) => failures)).toEqual([0, 0]);
  });

  it('gives back what a receiver was handed that has asked once more meanwhile', async () => {
    await begin();
    const receiving = delivery.receive(stage.queue, { max: 1, waitMs: 20_000 }, never);
    await parked();
    const [waiter = ''] = await inLine();
    const sending = messages.send(stage.queue, { messages: two });
    receivers.wake(stage.queue, [waiter]);
    await sending;
    const got = (await receiving).messages.map(({ body }) => body);
    await eventually(async () => expect(await stage.stats()).toMatchObject({ ready: 1, inFlight: 2 }));
    expect([...got, ...bodies(await stage.receive(10))].sort()).toEqual([1, 2]);
  });
});
