import { setTimeout as sleep } from 'node:timers/promises';
import { type Lease, LeaseLostError, type Syncline } from '@syncline/client';
import { inMemory } from '@syncline/client/testing';
import { embed } from '@syncline/embedded';
import { eventually, RedisServer } from '@syncline/testing';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis?.stop());

const codeOf = (outcome: Promise<unknown>) =>
  outcome.then(
    () => 'done',
    (error) => error.code ?? error.name,
  );

describe.each<[string, () => Promise<Syncline>]>([
  ['in memory', async () => inMemory()],
  ['on Redis', () => embed({ redis: redis.url, releaseOnClose: true })],
])('%s', (_, start) => {
  let syncline: Syncline;
  beforeAll(async () => {
    syncline = await start();
  });
  afterAll(() => syncline?.close());

  it('one holds a lock, others are refused or wait in line', async () => {
    const { lock } = syncline;
    const first = await lock.acquire('a', { owner: 'first' });
    await expect(lock.acquire('a')).rejects.toMatchObject({
      code: 'lock-held',
      problem: { holders: [{ name: 'a', owner: 'first', mode: 'exclusive' }] },
    });
    expect(await codeOf(lock.acquire('a', { waitMs: 20 }))).toBe('wait-timeout');
    expect(await codeOf(lock.acquire('a', { waitMs: 60_000, signal: AbortSignal.timeout(20) }))).toBe(23);
    const entered: string[] = [];
    const enter = (owner: string, mode: 'exclusive' | 'shared') =>
      lock.using('a', { owner, mode, waitMs: 60_000 }, () => entered.push(owner));
    const second = enter('second', 'exclusive');
    await eventually(async () => expect((await lock.inspect('a')).waiters).toHaveLength(1));
    const third = enter('third', 'shared');
    await eventually(async () => expect((await lock.inspect('a')).waiters).toHaveLength(2));
    await first.release();
    await Promise.all([second, third]);
    expect(entered).toEqual(['second', 'third']);
    const last = await lock.acquire('a');
    expect(BigInt(last.fencingToken) > BigInt(first.fencingToken)).toBe(true);
    await last.release();
    expect((await lock.inspect('a')).mode).toBe('free');
  });

  it('a lock that is revoked is lost; shared ones, sets and permits are held together', async () => {
    const { lock } = syncline;
    const lease: Lease = await lock.acquire('b', { ttlMs: 300 });
    await lock.revoke('b');
    await eventually(() => expect(lease.signal.reason).toBeInstanceOf(LeaseLostError));
    await using _one = await lock.acquire('c', { mode: 'shared' });
    await using _two = await lock.acquire('c', { mode: 'shared' });
    expect(await codeOf(lock.acquireAll(['d', 'c']))).toBe('lock-held');
    expect(await lock.usingAll(['d', 'e'], {}, ({ grants }) => grants.length)).toBe(2);
    const permits = lock.semaphore('f', 3);
    await using _three = await permits.acquire({ permits: 2 });
    expect(await codeOf(permits.acquire({ permits: 2 }))).toBe('lock-held');
    expect(await permits.using({}, ({ grant }) => grant.permits)).toBe(1);
  });

  it('a schedule is made and sends when it is run', async () => {
    const { schedules } = syncline;
    const startAt = new Date('2020-02-29T12:00:00Z');
    const rule = { queue: 'reports', cron: '0 9 * * *', message: { body: { report: 1 } }, startAt };
    const made = await schedules.put('daily', rule);
    const message = { body: { report: 1 }, headers: {}, priority: 0, groupId: null };
    expect(made).toMatchObject({
      ...rule,
      startAt: startAt.toISOString(),
      name: 'daily',
      everyMs: null,
      message,
    });
    expect(await schedules.get('daily')).toEqual(made);
    expect((await schedules.pause('daily')).paused).toBe(true);
    const { messageId } = await schedules.run('daily');
    expect(await syncline.queue('reports').receive()).toMatchObject([{ id: messageId, body: { report: 1 } }]);
    expect((await schedules.resume('daily')).paused).toBe(false);
    await schedules.delete('daily');
    expect(await codeOf(schedules.run('daily'))).toBe('not-found');
    expect(await codeOf(schedules.delete('daily'))).toBe('not-found');
  });

  it('a worker handles messages again after failures, and sends with the acknowledgement', async () => {
    const queue = syncline.queue<string>('work');
    await queue.configure({ maxReceives: 2 });
    await queue.send('good', { deduplicationId: 'x' });
    expect((await queue.send('good', { deduplicationId: 'x' })).deduplicated).toBe(true);
    await queue.send('bad');
    const seen: [string, number][] = [];
    const worker = syncline.worker<string>(
      'work',
      async ({ body, receiveCount }, { send }) => {
        seen.push([body, receiveCount]);
        if (body === 'bad') throw new Error('bad');
        await send('after', `after ${body}`);
      },
      { backoff: { baseMs: 1, factor: 1, maxMs: 1 }, onError: () => undefined },
    );
    const received = (name: string) =>
      eventually(async () => {
        const [message] = await syncline
          .queue(name)
          .receive()
          .catch(() => []);
        expect(message).toBeDefined();
        return message?.body;
      });
    expect(await received('work.dead')).toBe('bad');
    expect(await received('after')).toBe('after good');
    await worker.stop();
    expect(seen.sort()).toEqual([
      ['bad', 1],
      ['bad', 2],
      ['good', 1],
    ]);
    expect((await queue.inspect()).stats).toMatchObject({
      ready: 0,
      inFlight: 0,
      acked: 1,
      sent: 2,
      failed: 2,
    });
  });

  it('messages come by priority, by group and when they are due, and again when nobody acknowledges', async () => {
    const later = syncline.queue<string>('later');
    await later.send('late', { delayMs: 50 });
    expect(await later.receive()).toEqual([]);
    expect(await later.receive({ waitMs: 20_000 })).toMatchObject([{ body: 'late' }]);

    const queue = syncline.queue<string>('order');
    for (const body of ['a1', 'a2']) await queue.send(body, { groupId: 'a' });
    await queue.send('first', { priority: 9 });
    const one = await queue.receive({ max: 2 });
    expect(one.map(({ body }) => body)).toEqual(['first', 'a1']);
    expect(one[0]).toMatchObject({ receiveCount: 1, priority: 9, groupId: null, headers: {} });
    const [first, a1] = one.map(({ receipt }) => receipt) as [string, string];
    expect(await queue.receive({ max: 10 })).toEqual([]);
    expect(await queue.ack(first)).toBe('acked');
    await queue.nack([a1], { countsAs: 'none' });
    const [again] = await queue.receive({ visibilityTimeoutMs: 1 });
    expect(again).toMatchObject({ body: 'a1', receiveCount: 1 });
    await eventually(async () => {
      const both = await queue.receive({ max: 10 });
      expect(both.map(({ body }) => body)).toEqual(['a1', 'a2']);
    });
    expect(await queue.ack(again?.receipt ?? '')).toBe('stale');
  });

  it('a cache loads once, forgets in time and by tags, and compares versions', async () => {
    const cache = syncline.cache<unknown>('things');
    let loads = 0;
    const load = async () => {
      await sleep(20);
      loads += 1;
      return { n: loads };
    };
    const both = [cache.getOrSet('k', load, { tags: ['t'] }), cache.getOrSet('k', load, { tags: ['t'] })];
    expect(await Promise.all(both)).toEqual([{ n: 1 }, { n: 1 }]);
    expect(await cache.getOrSet('k', load)).toEqual({ n: 1 });
    const { version = '' } = (await cache.getEntry('k')) ?? {};
    await cache.set('k', 2, { ifVersion: version, tags: ['t'] });
    expect(await codeOf(cache.set('k', 3, { ifVersion: version }))).toBe('version-mismatch');
    expect(await codeOf(cache.set('k', 3, { ifAbsent: true }))).toBe('version-mismatch');
    await cache.invalidateTags('t');
    expect(await cache.get('k')).toBeUndefined();
    await cache.set('p/1', 1);
    await cache.set('q/1', 1, { ttlMs: 100 });
    await cache.invalidatePrefix('p/');
    expect([await cache.get('p/1'), await cache.get('q/1')]).toEqual([undefined, 1]);
    await eventually(async () => expect(await cache.get('q/1')).toBeUndefined());
    expect((await cache.increment('n', 2)).value).toBe(2);
    expect((await cache.increment('n')).value).toBe(3);
    expect(await cache.delete('n')).toBe(true);
    expect(await codeOf(cache.getOrSet('fails', () => Promise.reject(new RangeError('no'))))).toBe(
      'RangeError',
    );
  });
});

it('what is not in memory says so', async () => {
  await using syncline = inMemory();
  await expect(syncline.lock.session()).rejects.toThrow('Locks in memory have no openSession');
  await expect(syncline.schedules.list().next()).rejects.toThrow('test this with a real Redis');
});
