import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@syncline/testing';
import { ask, LockNode, LockStage } from '../../../../test/stages/lock-stage.js';

const HOUR = 3_600_000;
/** So long no node is heard, that the clock of Redis is suspected (`leap.lua`). */
const SILENCE_MS = 1_700;

describe.each(['functions', 'scripts'])('a clock of Redis that is set, by %s', (by) => {
  let stage: LockStage;
  let server: LockStage;
  let one: LockNode;
  let two: LockNode;
  /** Of the true time. */
  let ahead = 0;
  const leap = (ms: number) => {
    ahead += ms;
    return server.setClock(ahead);
  };
  /** How often a shard began to open. */
  const openings = async () =>
    Number(/cmdstat_publish:calls=(\d+)/.exec(await server.redis.info('commandstats'))?.[1] ?? 0);

  beforeAll(async () => {
    server = await LockStage.start({ settableClock: true });
    stage = by === 'functions' ? server : await server.withoutFunctions();
  });
  beforeEach(async () => {
    [one, two] = await stage.reset('one', 'two');
    for (const node of [one, two]) await node.beat();
  });
  afterAll(async () => {
    if (stage !== server) stage.redis.disconnect();
    await server.stop();
  });

  it('forward ends no lease that a node knows, however it is asked for next', async () => {
    const request = ask('a', { ttlMs: HOUR });
    await one.acquire(request);
    await leap(HOUR + 100_000);
    expect(await one.acquire(ask('a'))).toMatchObject({ outcome: 'held' });
    await leap(HOUR + 100_000);
    expect((await one.inspect('a')).holders).toMatchObject([{ owner: 'o' }]);
    await leap(HOUR + 100_000);
    await one.beat();
    expect(await one.renew('a', request.leaseId)).toMatchObject({ outcome: 'renewed' });
  });

  it('forward ends no session, and takes no place in the line', async () => {
    await one.sessions.create('s', 60_000, 'o', null);
    await one.acquire(ask('a', { sessionId: 's' }));
    await one.acquire(ask('a', { owner: 'waiter', waitMs: 60_000 }));
    await leap(HOUR);
    await one.beat();
    const { holders, waiters } = await one.inspect('a');
    expect(holders.concat(waiters as never)).toMatchObject([{ owner: 'o' }, { owner: 'waiter' }]);
    expect(await one.sessions.keep('s')).toMatchObject({ leases: 1, lost: [] });
  });

  it('forward ends what is over by the clock of the node that knows it', async () => {
    await one.acquire(ask('a', { ttlMs: 500 }));
    await leap(HOUR);
    await sleep(600);
    expect(await one.acquire(ask('a'))).toMatchObject({ outcome: 'granted' });
  });

  it('forward ends no lease of the only node, which was not told the time since it asserted its leases', async () => {
    const only = new LockNode(stage.redis, 'only', ['only']);
    const request = ask('a', { ttlMs: 10 * HOUR });
    await only.acquire(request);
    for (const name of ['b', 'c']) {
      await leap(20 * HOUR);
      // Some of these come while it asserts.
      const tries: ReturnType<LockNode['acquire']>[] = [];
      let over = false;
      const other = only.acquire(ask(name)).finally(() => {
        over = true;
      });
      while (!over) {
        tries.push(only.acquire(ask('a')));
        await nextTurn();
      }
      expect((await other).outcome).toBe('granted');
      expect(new Set((await Promise.all(tries)).map(({ outcome }) => outcome))).toEqual(new Set(['held']));
    }
  });

  it('forward again and again, by more than is overlooked, ends no lease', async () => {
    await one.acquire(ask('a', { ttlMs: 20_000 }));
    for (let i = 0; i < 14; i += 1) {
      await leap(1_600);
      await one.beat();
    }
    expect(await two.acquire(ask('a'))).toMatchObject({ outcome: 'held' });
  });

  it('forward by less ends early what is left of a lease, and no more than that; the next one has a larger token', async () => {
    const [long, short] = [ask('a', { ttlMs: 30_000 }), ask('b', { ttlMs: 1_300 })];
    const tokenOf = async (name: string) => Number((await one.inspect(name)).holders[0]?.fencingToken);
    for (const request of [short, long]) await one.acquire(request);
    const token = await tokenOf('b');
    await leap(1_400);
    expect(await one.acquire(ask('b'))).toMatchObject({ outcome: 'granted' });
    expect(await tokenOf('b')).toBeGreaterThan(token);
    expect(await one.renew('b', short.leaseId)).toMatchObject({ outcome: 'lost' });
    expect(await two.acquire(ask('a'))).toMatchObject({ outcome: 'held' });
    expect(await one.renew('a', long.leaseId)).toMatchObject({ outcome: 'renewed' });
  });

  it('forward counts, where no node is left that could know better', async () => {
    await one.acquire(ask('a', { ttlMs: HOUR }));
    await leap(HOUR + 100_000);
    const before = await openings();
    const first = new LockNode(stage.redis, 'first', ['first']);
    expect(await first.acquire(ask('a'))).toMatchObject({ outcome: 'granted' });
    expect(await openings()).toBe(before);
  });

  it('forward is asked of the others by a node that only just started', async () => {
    await one.acquire(ask('a', { ttlMs: HOUR }));
    await leap(HOUR + 100_000);
    const newcomer = new LockNode(stage.redis, 'new', ['new', 'one']);
    const reply = newcomer.acquire(ask('a'));
    await eventually(async () => expect(await stage.redis.get('syncline:lock:{0}:instance')).toMatch(/^\* /));
    await one.calls.opened(0);
    expect(await reply).toMatchObject({ outcome: 'held' });
  });

  it('is told from an outage, after which nothing is asserted', async () => {
    await one.acquire(ask('a', { ttlMs: 200 }));
    const before = await openings();
    await sleep(SILENCE_MS);
    expect(await two.acquire(ask('a'))).toMatchObject({ outcome: 'granted' });
    await one.beat();
    expect(await openings()).toBe(before);
  });

  it('is no matter where nothing is held: nodes need not beat there', async () => {
    const calls = async () => {
      const stats = await server.redis.info('commandstats');
      return [...stats.matchAll(/^cmdstat_(?:fcall|evalsha):calls=(\d+)/gm)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
    };
    await leap(HOUR);
    const before = await calls();
    expect(await one.acquire(ask('a', { ttlMs: HOUR }))).toMatchObject({ outcome: 'granted' });
    expect(await calls()).toBe(before + 1);
    // From now on it matters.
    await leap(2 * HOUR);
    expect(await one.acquire(ask('a'))).toMatchObject({ outcome: 'held' });
  });

  it('back ends no lease, and grants none twice', async () => {
    const request = ask('a', { ttlMs: HOUR });
    await one.acquire(request);
    await leap(-60_000);
    expect(await two.acquire(ask('a'))).toMatchObject({ outcome: 'held' });
    expect(await one.renew('a', request.leaseId)).toMatchObject({ outcome: 'renewed' });
    await one.beat();
    await two.beat();
    await leap(60_000);
    expect(await two.acquire(ask('a'))).toMatchObject({ outcome: 'held' });
  });
});
