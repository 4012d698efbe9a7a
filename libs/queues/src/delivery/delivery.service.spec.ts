import type { Membership } from '@syncline/cluster';
import { Drain, Metrics, ProcessIdentity, Tenants } from '@syncline/runtime';
import { eventually } from '@syncline/testing';
import { bodies, QueueScripts } from '../../../../test/stages/queue-scripts.js';
import { ChainsService } from '../chains/chains.service.js';
import { MessageBytes } from '../messages/message-bytes.js';
import { MessagesService } from '../messages/messages.service.js';
import { Receipts } from '../messages/receipts.js';
import { Memory } from '../recovery/memory.js';
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

describe('a node whose receiver is handed messages', () => {
  let messages: MessagesService;
  let delivery: DeliveryService;
  let receivers: ParkedReceivers;
  let drain: Drain;
  let timers: DueTimers;
  const never = new AbortController().signal;
  const two = [1, 2].map((body) => ({ body, headers: {}, priority: 0, delayMs: 0 }));

  beforeEach(() => {
    const alone = { nodeId: 'queue_1', owns: () => true } as unknown as Membership;
    drain = new Drain();
    receivers = new ParkedReceivers(stage.store, alone, new ProcessIdentity(), drain);
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
    receivers.wake(stage.queue, [waiter.slice('queue_1#'.length)]);
    await sending;
    const got = (await receiving).messages.map(({ body }) => body);
    await eventually(async () => expect(await stage.stats()).toMatchObject({ ready: 1, inFlight: 2 }));
    expect([...got, ...bodies(await stage.receive(10))].sort()).toEqual([1, 2]);
  });
});
