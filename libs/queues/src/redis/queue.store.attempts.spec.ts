import { setTimeout as sleep } from 'node:timers/promises';
import { bodies, deliveries, QueueScripts } from '../../../../test/stages/queue-scripts.js';

describe('receives that may be repeated, by the scripts of a queue', () => {
  let stage: QueueScripts;
  let calls = 0;

  beforeAll(async () => {
    stage = await QueueScripts.start();
  });
  afterAll(() => stage.stop());
  beforeEach(async () => {
    stage.nextQueue();
    await stage.configure();
    await stage.send(...['a1', 'a2', 'b1'].map((body) => ({ body, groupId: body.slice(0, 1) })));
  });
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
  });

  const receive = async (
    id: string,
    { max = 2, visibilityTimeoutMs = 60_000, claim = `c${calls++}` } = {},
  ) => {
    const options = { max, visibilityTimeoutMs, attempt: { id, claim } };
    const reply = await stage.store.receive(stage.queue, { ...options, waiter: null });
    if (reply === null) throw new Error('no such queue');
    return reply;
  };

  /** Lets all deliveries end at this moment. */
  const endAt = async (ms: number) => {
    const [key = ''] = await stage.redis.keys(`*{queue:${stage.queue}}*:inFlight`);
    const tokens = await stage.redis.zrange(key, '0', '-1');
    for (const token of tokens) await stage.redis.zadd(key, 'XX', String(ms), token);
  };

  it('get the same deliveries again, for a whole visibility timeout, and others get others', async () => {
    const first = await receive('x');
    expect(bodies(first)).toEqual(['a1', 'a2']);
    const again = await receive('x', { max: 1, visibilityTimeoutMs: 90_000 });
    expect(deliveries(again)).toEqual(deliveries(first));
    expect(again.visibleUntil).toBeGreaterThan(first.visibleUntil + 20_000);
    expect(deliveries(await receive('x'))).toEqual(deliveries(first));
    expect(bodies(await receive('y'))).toEqual(['b1']);
    expect(await stage.acknowledge(deliveries(first))).toEqual(['acked', 'acked']);
  });

  it('get new ones when one was acked, extended, given back or had its time', async () => {
    const got = deliveries(await receive('x'));
    await stage.acknowledge(got.slice(0, 1));
    expect(bodies(await receive('x'))).toEqual(['b1']);
    await stage.extend(got.slice(1), 1);
    await sleep(5);
    expect(bodies(await receive('y', { visibilityTimeoutMs: 20 }))).toEqual(['a2']);
    await sleep(30);
    const late = await receive('y');
    expect(late.messages.map(({ failures }) => failures)).toEqual([2]);
    await stage.giveBack(deliveries(late), { told: true });
    const last = await receive('y');
    expect(last.messages.map(({ delivery }) => delivery.delivery)).not.toEqual([3]);
    await stage.extend(deliveries(last), 30_000);
    expect(bodies(await receive('y'))).toEqual([]);
  });

  it('keep nothing when there is nothing, when nothing stays hidden, or beyond the visibility timeout', async () => {
    await receive('shown', { visibilityTimeoutMs: 0 });
    expect(bodies(await receive('x', { visibilityTimeoutMs: 500 }))).toEqual(['a1', 'a2']);
    await receive('y');
    await receive('none');
    const keys = await stage.redis.keys(`*{queue:${stage.queue}}*:attempt:*`);
    expect(keys.map((key) => key.split(':').at(-1)).sort()).toEqual(['x', 'y']);
    const ttls = await Promise.all(keys.sort().map((key) => stage.redis.pttl(key)));
    expect(ttls[0]).toBeLessThanOrEqual(500);
    expect(ttls[1]).toBeLessThanOrEqual(60_000);
    await receive('y', { visibilityTimeoutMs: 3_600_000 });
    expect(await stage.redis.pttl(keys[1] as string)).toBeLessThanOrEqual(300_000);
  });

  it('give back what nobody was told, unless a later call was told it', async () => {
    const untold = deliveries(await receive('x', { claim: 'gone' }));
    const told = await receive('x', { claim: 'here' });
    const giveBack = (claim: string) =>
      stage.store.giveBack(stage.queue, untold, { attempt: { id: 'x', claim } });
    expect(await giveBack('gone')).toMatchObject({ verdicts: ['stale', 'stale'] });
    expect(bodies(await receive('y'))).toEqual(['b1']);
    expect(await giveBack('here')).toMatchObject({ verdicts: ['requeued', 'requeued'] });
    // Another receiver has them now, by receipts that are equal: the id must not lead to them any more.
    expect(deliveries(await receive('z')).map(({ token }) => token)).toEqual(
      deliveries(told).map(({ token }) => token),
    );
    expect(bodies(await receive('x'))).toEqual([]);
  });

  it('do not lead to deliveries of others, though they end at the same moment', async () => {
    const rejected = await receive('x');
    await stage.reject(deliveries(rejected), 0);
    await receive('y');
    await endAt(rejected.visibleUntil);
    expect(bodies(await receive('x'))).toEqual(['b1']);

    stage.nextQueue();
    await stage.configure();
    await stage.send({ body: 'a1', groupId: 'a' });
    const untold = await receive('x', { claim: 'gone' });
    await stage.store.giveBack(stage.queue, deliveries(untold), { attempt: { id: 'x', claim: 'gone' } });
    expect(deliveries(await receive('y'))[0]?.delivery).toBe(1);
    await endAt(untold.visibleUntil);
    expect(bodies(await receive('x'))).toEqual([]);
  });

  it('start anew after a purge', async () => {
    await receive('x');
    await stage.store.purge(stage.queue);
    await stage.send({ body: 'c1', groupId: 'c' });
    expect(bodies(await receive('x'))).toEqual(['c1']);
  });
});
