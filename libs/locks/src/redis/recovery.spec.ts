import { eventually } from '@syncline/testing';
import { ask, type LockNode, LockStage, lockKey, waitIdOf } from '../../../../test/stages/lock-stage.js';
import type { Knowledge } from '../recovery/kept.js';
import { assertKnowledge, itemsOf } from './scripts/assertion.js';

const INSTANCE = 'syncline:lock:{0}:instance';
const CLOCK = 'syncline:lock:{0}:clock';
const NOTHING: Knowledge = { sessions: [], ended: [], leases: [], places: [] };

describe.each(['functions', 'scripts'])('a new instance of Redis, by %s', (by) => {
  let stage: LockStage;
  let server: LockStage;
  let one: LockNode;
  let two: LockNode;

  beforeAll(async () => {
    server = await LockStage.start();
    stage = by === 'functions' ? server : await server.withoutFunctions();
  });
  beforeEach(async () => {
    [one, two] = await stage.reset('one', 'two');
  });
  afterAll(async () => {
    if (stage !== server) stage.redis.disconnect();
    await server.stop();
  });

  /** What a node knows, told by itself: as the only one, or beside members that may know more. */
  const tell = (
    known: Partial<Knowledge>,
    more: { members?: string[]; knewIt?: boolean; nodeId?: string; instance?: string; last?: boolean } = {},
  ) =>
    assertKnowledge(stage.redis, {
      ...{ shard: 0, seen: 0, nodeId: 'one', members: [], knewIt: true, last: true, instance: '' },
      ...{ before: null, ...more },
      items: itemsOf({ ...NOTHING, ...known }, 'one~p'),
    }).then(({ leftMs }) => leftMs);
  /** As another primary leaves the data that this process comes back to. */
  const anotherInstance = async () => {
    await stage.redis.set(INSTANCE, 'another process');
    await stage.redis.incr(CLOCK);
  };
  const lease = (name: string, token: number, mode: 'exclusive' | 'shared' = 'exclusive') => {
    const { leaseId } = ask(name);
    const record = `${mode === 'shared' ? 1 : 1_000_000} T:c - ${token} ${Date.now()} 0 60000 o${token} -`;
    return {
      ...{
        key: lockKey(name),
        leaseId,
        record,
        endsAt: 0,
        limit: '1000000',
        waitId: null,
        sessionId: null,
        heldSince: null,
      },
      until: performance.now() + 60_000,
    };
  };
  const ownersOf = async (name: string) => (await one.inspect(name)).holders.map(({ owner }) => owner).sort();
  /** All that is kept, without times: it may be prolonged by a moment. */
  const kept = async () => {
    const names = await Promise.all(['a', 'b'].map((name) => one.inspect(name)));
    const holders = names.flatMap((name) => name.holders.map(({ expiresAt: _, ...holder }) => holder));
    return [(await stage.redis.keys('syncline:lock:*')).sort(), names.map(({ used }) => used), holders];
  };

  it('grants nothing until all nodes have told that may know of leases', async () => {
    await anotherInstance();
    expect(await tell({}, { members: ['one', 'other'] })).toBeGreaterThan(0);
    let granted = false;
    const waiting = two.acquire(ask('a')).then((reply) => {
      granted = true;
      return reply;
    });
    expect(await tell({}, { members: ['one', 'other'] })).toBeGreaterThan(0);
    expect(granted).toBe(false);
    expect(await tell({ leases: [lease('a', 5)] }, { nodeId: 'other' })).toBeGreaterThanOrEqual(0);
    expect(await waiting).toMatchObject({ outcome: 'held', holders: [{ owner: 'o5' }] });
  });

  it('does not take the word of newcomers for that of all', async () => {
    await anotherInstance();
    expect(await tell({}, { nodeId: 'new', knewIt: false })).toBeGreaterThan(0);
    expect(await tell({}, { nodeId: 'one' })).toBe(0);
  });

  it('does not open by a first portion, in a Redis that has no data and did not start just now', async () => {
    await eventually(async () => {
      const [, uptime] = /uptime_in_seconds:(\d+)/.exec(await stage.redis.info('server')) ?? [];
      expect(Number(uptime)).toBeGreaterThanOrEqual(2);
    });
    await stage.redis.del(INSTANCE, CLOCK);
    expect(await tell({}, { last: false })).toBeGreaterThan(0);
    expect(await tell({ leases: [lease('a', 5)] }, { members: ['one'] })).toBe(0);
    expect(await two.acquire(ask('a'))).toMatchObject({ outcome: 'held' });
  });

  it('does not take a portion for all, when the portions before went to another one', async () => {
    await anotherInstance();
    expect(await tell({ leases: [lease('a', 5)] }, { instance: 'the one before' })).toBe(-1);
    expect(await tell({ leases: [lease('a', 5), lease('b', 6)] })).toBe(0);
    expect(await ownersOf('b')).toEqual(['o6']);
  });

  it('is told what a node granted while it still waited for the instance before to open', async () => {
    await anotherInstance();
    await tell({}, { nodeId: 'two', members: ['other'] });
    const opening = one.acquire(ask('b'));
    await eventually(async () =>
      expect(await stage.redis.sismember('syncline:lock:{0}:told', 'one')).toBe(1),
    );
    expect(await tell({}, { nodeId: 'other' })).toBe(0);
    expect(await one.acquire(ask('a'))).toMatchObject({ outcome: 'granted' });
    // A replica that is promoted has the data of nobody, and another replication id.
    await stage.redis.replicaof('127.0.0.1', '1');
    await stage.redis.replicaof('NO', 'ONE');
    await stage.redis.flushdb();
    await opening;
    expect(await two.acquire(ask('a'))).toMatchObject({ outcome: 'held' });
  });

  it('keeps what stands in the data, and asserting again changes nothing', async () => {
    const request = ask('a', { mode: 'shared' });
    await one.acquire(request);
    const more = { leases: [lease('a', 7, 'shared'), lease('b', 8)] };
    await anotherInstance();
    expect(await tell(more)).toBe(0);
    expect(await ownersOf('a')).toEqual(['o', 'o7']);
    const before = await kept();
    await tell(more);
    expect(await kept()).toEqual(before);
    expect((await one.renew('a', request.leaseId)).outcome).toBe('renewed');
  });

  it.each([
    ['older first', [10, 20]],
    ['newer first', [20, 10]],
  ])('has the newest of leases that exclude each other: the %s', async (_order, tokens) => {
    await anotherInstance();
    for (const token of tokens) await tell({ leases: [lease('a', token)] }, { members: ['one', 'other'] });
    await tell({}, { nodeId: 'other' });
    expect(await ownersOf('a')).toEqual(['o20']);
  });

  it('ends what a node knows to have ended, and serves those who wait for it', async () => {
    const held = ask('a');
    await one.acquire(held);
    const next = ask('a', { waitMs: 60_000 });
    await two.acquire(next);
    await anotherInstance();
    await tell({ ended: [{ key: lockKey('a'), leaseId: held.leaseId }] });
    expect((await two.beat()).outcomes.concat((await two.beat()).outcomes)).toContain(waitIdOf(next));
    expect(await two.takeUp(next)).toBe('granted');
  });

  it('prolongs a lease that would end too soon by its clock', async () => {
    const request = ask('a', { ttlMs: 100 });
    const reply = await one.acquire(request);
    const [record] = reply.outcome === 'granted' ? reply.records : [];
    if (record === undefined || reply.outcome !== 'granted') throw new Error(reply.outcome);
    await stage.pass(reply.leases[0] as never);
    await anotherInstance();
    await tell({ leases: [{ ...lease('a', 1), ...record, until: performance.now() + 60_000 }] });
    expect(await two.acquire(ask('a'))).toMatchObject({ outcome: 'held' });
    expect((await one.renew('a', request.leaseId)).outcome).toBe('renewed');
  });

  it('takes nothing from those that it served, when a node tells late', async () => {
    const request = ask('a');
    await two.acquire(request);
    await tell({ leases: [lease('a', 5), lease('b', 6)] });
    expect(await ownersOf('a')).toEqual(['o']);
    expect(await ownersOf('b')).toEqual(['o6']);
    await two.release('a', request.leaseId);
    await tell({ leases: [lease('a', 5)] });
    expect(await ownersOf('a')).toEqual([]);
  });

  it('is none when Redis loses its functions alone', async () => {
    await one.acquire(ask('a'));
    const before = await stage.redis.get(INSTANCE);
    await server.redis.function('FLUSH');
    expect(await two.acquire(ask('a'))).toMatchObject({ outcome: 'held' });
    expect(await stage.redis.get(INSTANCE)).toBe(before);
  });

  it('has the sessions of its leases', async () => {
    const kept = { ...lease('a', 5), sessionId: 's' };
    kept.record = kept.record.replace('T:c -', 'T:c s');
    await anotherInstance();
    await tell({ leases: [kept] });
    expect(await one.sessions.keep('s')).toMatchObject({ leases: 1, owner: 'o5' });
    expect(await one.sessions.end('s')).toBe(true);
    expect(await ownersOf('a')).toEqual([]);
  });
});
