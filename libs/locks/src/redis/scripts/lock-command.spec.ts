import { randomUUID } from 'node:crypto';
import { eventually } from '@syncline/testing';
import { ask, LockNode, LockStage, lockKey, waitIdOf } from '../../../../../test/stages/lock-stage.js';
import type { LeaseRequest } from '../../lease/lease.js';
import { resourceKey } from '../../lease/resource.js';

const NAMES = ['a', 'b', 'c', 'd'];
const OWNERS = ['x', 'y', 'z'];
const SEMAPHORE = resourceKey('semaphore', 's');
const STEPS = 600;

/** What differs between two runs of the same: times and tokens. */
const VARIES = new Set([
  'fencingToken',
  'currentToken',
  'acquiredAt',
  'expiresAt',
  'waitedMs',
  'waitingSince',
  'nextEndMs',
  'endsAt',
  'oldest',
  'newest',
  'readTo',
  'id',
  'records',
  'arrival',
]);
const withoutTimes = (reply: unknown): unknown =>
  JSON.parse(JSON.stringify(reply ?? null, (key, value) => (VARIES.has(key) ? undefined : value)));

/** The two nodes of one stage, and what one step asks of them. */
type Nodes = readonly [LockNode, LockNode];
type Step = (nodes: Nodes) => Promise<unknown>;

/** Any command on any name, some of them on leases that were asked for before. */
class Steps {
  private seed = 11;
  private readonly requests: LeaseRequest[] = [];
  private readonly sessions: string[] = [];

  next(): Step {
    const [request, name, i] = [this.any(this.requests), this.any(NAMES) ?? 'a', this.below(2)];
    const kind = this.below(20);
    if (request === undefined || kind < 6) return this.acquire(i);
    const names = request.resources.map(({ key }) => key.slice(2));
    const [first = ''] = names;
    switch (kind) {
      case 6:
        return (nodes) => nodes[i].acquire({ ...request, leaseIdIsNew: false });
      case 7:
        return (nodes) => nodes[i].renew(first, request.leaseId, 40_000 + this.requests.length);
      case 8:
        return (nodes) => nodes[i].takeUp(request);
      case 9:
        return (nodes) => nodes[i].leave(request);
      case 10:
        return (nodes) => nodes[i].withdraw(request, false);
      case 11:
        return (nodes) => nodes[i].deadlocks.search(waitIdOf(request));
      case 12:
        return (nodes) => nodes[i].inspect(name);
      case 13:
        return (nodes) =>
          nodes[i].resources.list('lock', { prefix: '', cursor: undefined, limit: 3, awaited: false });
      case 14:
        return this.session(i);
      case 15:
        return this.below(3) === 0
          ? (nodes) => nodes[i].resources.revoke(lockKey(name), 'because').then((ids) => ids.sort())
          : (nodes) => nodes[i].resources.resize(SEMAPHORE, 1 + (this.requests.length % 3));
      case 16:
        return (nodes) => nodes[i].events.read([{ key: lockKey(name), after: '0-0' }]);
      default:
        return this.release(i, request, names);
    }
  }

  private acquire(i: 0 | 1): Step {
    const names = this.below(5) === 0 ? ['a', 'c'] : [this.any(NAMES) ?? ''];
    const request = ask(names, {
      mode: this.below(2) === 0 ? 'shared' : 'exclusive',
      owner: this.any(OWNERS) ?? '',
      waitMs: this.below(3) === 0 ? 0 : 600_000,
      sessionId: this.below(4) === 0 ? (this.any(this.sessions) ?? null) : null,
      leaseIdIsNew: this.below(2) === 0,
      ...(this.below(6) === 0 && { resources: [{ key: SEMAPHORE, permits: 1, limit: 2 }] }),
    });
    this.requests.push(request);
    return (nodes) => nodes[i].acquire(request);
  }

  private release(i: 0 | 1, { leaseId, resources }: LeaseRequest, names: string[]): Step {
    if (resources[0]?.key === SEMAPHORE) return (nodes) => nodes[i].leases.release([SEMAPHORE], leaseId);
    const local = this.any(this.requests);
    return (nodes) => nodes[i].release(names, leaseId, local && { c: local });
  }

  private session(i: 0 | 1): Step {
    const sessionId = this.any(this.sessions);
    const kind = this.below(5);
    if (sessionId === undefined || kind < 2) {
      const created = randomUUID();
      this.sessions.push(created);
      return async (nodes) => void (await nodes[i].sessions.create(created, 600_000, 'x', { n: 1 }));
    }
    if (kind === 2) return (nodes) => nodes[i].sessions.end(sessionId);
    if (kind === 3) return (nodes) => nodes[i].sessions.keep(sessionId);
    return async (nodes) => {
      const session = await nodes[i].sessions.show(sessionId);
      return session && { ...session, leases: session.leases.map((lease) => lease.name).sort() };
    };
  }

  private any<T>(items: readonly T[]): T | undefined {
    return items[Math.max(0, items.length - 1 - this.below(12)) % Math.max(1, items.length)];
  }

  private below<N extends number>(limit: N): N extends 2 ? 0 | 1 : number {
    this.seed = (this.seed * 48_271) % 2_147_483_647;
    return (this.seed % limit) as N extends 2 ? 0 | 1 : number;
  }
}

describe('the commands of locks', () => {
  let functions: LockStage;
  let scripts: LockStage;

  beforeAll(async () => {
    functions = await LockStage.start();
    scripts = await functions.withoutFunctions();
  });
  afterAll(async () => {
    scripts.redis.disconnect();
    await functions.stop();
  });

  // A script has no memory of earlier calls: as functions of one library they must not have any, either.
  it('do the same as functions of a library that was used before, and as scripts', async () => {
    const steps = new Steps();
    const [one, two] = [await functions.reset('one', 'two'), await scripts.reset('one', 'two')];
    for (let step = 0; step < STEPS; step += 1) {
      // Nobody is to die of age meanwhile.
      if (step % 10 === 0) for (const node of [...one, ...two]) await node.beat();
      const next = steps.next();
      const [byFunctions, byScripts] = [await next(one), await next(two)];
      expect([step, withoutTimes(byFunctions)]).toEqual([step, withoutTimes(byScripts)]);
    }
    for (const name of NAMES) {
      expect(withoutTimes(await one[0].inspect(name))).toEqual(withoutTimes(await two[0].inspect(name)));
    }
    const stats = await functions.redis.info('commandstats');
    for (const command of ['fcall', 'evalsha']) {
      const calls = Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1]);
      expect(calls).toBeGreaterThan(STEPS);
    }
  });

  it('go by the time of their own call', async () => {
    const [node] = await functions.reset('one');
    const clock = async () => {
      const [seconds, micros] = await functions.redis.time();
      return Number(seconds) * 1_000 + Number(micros) / 1_000;
    };
    for (let i = 0; i < 3; i += 1) {
      const before = await clock();
      const request = ask(`t${i}`);
      const reply = await node.acquire(request);
      const acquiredAt = reply.outcome === 'granted' ? Date.parse(reply.leases[0]?.acquiredAt ?? '') : 0;
      expect(acquiredAt).toBeGreaterThanOrEqual(Math.floor(before));
      await node.release(`t${i}`, request.leaseId);
      const kept = (await functions.redis.get(`syncline:lock:{0}:l:l/t${i}`))?.split(' ').at(-1);
      expect(Number(kept)).toBeGreaterThanOrEqual(Math.floor(before) + 300_000);
      await eventually(async () => expect(await clock()).toBeGreaterThan(before + 2));
    }
  });

  it.each(['functions', 'scripts'])(
    'tell who begins to watch of what follows, though it was known that nobody did: as %s',
    async (by) => {
      const [node] = await functions.reset('one');
      for (const name of NAMES) await node.acquire(ask(name));
      const { redis } = by === 'functions' ? functions : await functions.withoutFunctions(0);
      const watcher = new LockNode(redis, 'two', ['one', 'two']);
      await watcher.events.read([{ key: lockKey('w'), after: null }]);
      await node.acquire(ask('w'));
      const [reading] = await watcher.events.read([{ key: lockKey('w'), after: '0-0' }]);
      expect(reading?.events).toMatchObject([{ kind: 'acquired', lease: { name: 'w' } }]);
      if (redis !== functions.redis) redis.disconnect();
    },
  );

  it.each(['functions', 'scripts'])(
    'serve a queue, renew, hand over and end a session: as %s',
    async (by) => {
      const [one, two] = await (by === 'functions' ? functions : scripts).reset('one', 'two');
      const [held, next] = [ask('n'), ask('n', { owner: 'next', waitMs: 60_000, ttlMs: 60_000 })];
      expect((await one.acquire(held)).outcome).toBe('granted');
      expect((await two.acquire(next)).outcome).toBe('waiting');
      expect((await one.renew('n', held.leaseId, 90_000)).outcome).toBe('renewed');
      expect((await one.release('n', held.leaseId)).outcome).toBe('released');
      expect((await two.beat()).outcomes).toEqual([waitIdOf(next)]);
      expect(await two.takeUp(next)).toBe('granted');
      await one.sessions.create('s', 60_000, 'o', null);
      expect((await one.acquire(ask('m', { sessionId: 's' }))).outcome).toBe('granted');
      expect(await one.sessions.keep('s')).toMatchObject({ leases: 1 });
      expect(await one.sessions.end('s')).toBe(true);
      expect((await one.inspect('m')).holders).toEqual([]);
      expect(await one.resources.revoke(lockKey('n'), 'because')).toEqual([next.leaseId]);
    },
  );
});
