import { randomUUID } from 'node:crypto';
import { commandConnection, type RedisClient } from '@syncline/redis';
import { RedisServer } from '@syncline/testing';
import { UNCONDITIONAL } from '../entries/entry.js';
import { cacheKey } from './caches.keys.js';
import type { Operation } from './operations.js';
import * as operations from './operations.js';
import * as coherence from './scripts/coherence.scripts.js';
import * as entry from './scripts/entry.scripts.js';
import * as fills from './scripts/fill.scripts.js';
import { findLife, openLife } from './scripts/life.scripts.js';

const LIFE = 'first';
const CACHE = { cache: 'c', life: LIFE };
const NODE = { life: LIFE };
/** It holds values of at most 1,000 bytes: 1 % of what it has. */
const READER = { room: 100_000, absences: true };

interface PutMore {
  readonly ttlMs?: number;
  readonly tags?: readonly string[];
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly lease?: string;
}
const put = (key: string, value: string, more: PutMore = {}) => {
  const { ttlMs, tags, ifMatch = '', ifNoneMatch = '', lease: fillLease = '' } = more;
  const entry = { bytes: Buffer.from(value), contentType: 'text/plain', ttlMs, tags };
  return operations.put(key, entry, { ifMatch, ifNoneMatch, fillLease });
};
const remove = (key: string) => operations.remove(key, UNCONDITIONAL);
const add = (key: string, by: number) => operations.increment(key, by, undefined);

describe('the scripts of a cache', () => {
  let server: RedisServer;
  let redis: RedisClient;

  const prepare = (
    operation: Operation<unknown>,
    more: { id?: string; incarnation?: string; lastFill?: number } = {},
  ) => {
    const { id = randomUUID(), incarnation = '', lastFill = 0 } = more;
    const who = { id, node: 'writer', incarnation, lastFill, remembered: more.id !== undefined };
    const script = operation.grows ? coherence.store : coherence.change;
    return script(redis, { ...CACHE, ...who, named: true, operation });
  };
  /** Does an operation that nobody needs to be waited for. */
  const write = async (operation: Operation<unknown>, more: { id?: string } = {}) => {
    const prepared = await prepare(operation, more);
    if (prepared.state !== 'done') throw new Error(`${operation.args}: ${JSON.stringify(prepared)}`);
    return prepared.outcome;
  };
  /** Begins a write that must wait. */
  const begin = async (
    operation: Operation<unknown>,
    more: { incarnation?: string; lastFill?: number } = {},
  ) => {
    const id = randomUUID();
    const prepared = await prepare(operation, { ...more, id });
    if (prepared.state !== 'pending') throw new Error(`${operation.args}: ${JSON.stringify(prepared)}`);
    const result = async () => (await coherence.outcomes(redis, { ...CACHE, ids: [id] }))[0];
    return { ...prepared.round, result };
  };
  const read = (key: string, incarnation = '', fill = 1) =>
    entry.fill(redis, { ...CACHE, ...READER, key, incarnation, fill });
  const stored = async (key: string) => (await read(key)).entry?.bytes.toString() ?? null;
  const join = (incarnation: string) => coherence.join(redis, { ...NODE, incarnation });
  const acknowledge = (incarnation: string, seen: number) =>
    coherence.acknowledge(redis, { ...NODE, incarnation, seen });
  const renew = (incarnation: string, seen = 0, evicted: readonly (readonly [string, number])[] = []) =>
    coherence.renew(redis, {
      ...{ ...NODE, incarnation, seen, stuckAfterMs: 0 },
      evicted: evicted.map(([key, fill]) => ({ cache: 'c', key, fill })),
    });
  const missed = async (incarnation: string, seen = 0) =>
    (await renew(incarnation, seen))?.missed.map(({ register: { kind, name } }) => `${kind} ${name}`);
  const force = ({ register, round, sharers }: coherence.Round) =>
    coherence.force(redis, { ...CACHE, register, round, sharers });
  const lease = (key: string, id: string) =>
    fills.leaseFill(redis, {
      ...CACHE,
      ...{ ...READER, key, incarnation: '', fill: 0 },
      ...{ lease: id, leaseMs: 10_000, tags: [], node: 'reader', waits: true, othersWait: false },
    });

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = commandConnection(server.url, 'test');
    await redis.connect();
    const scripts = [...Object.values(coherence), ...Object.values(entry), ...Object.values(fills)];
    await Promise.all(scripts.map((script) => redis.script('LOAD', script.textOf(LIFE))));
  });
  const beginAnew = async () => {
    await redis.flushall();
    await findLife(redis, { runId: 'run', newId: LIFE, durable: false, fromOwnDisk: true });
    await openLife(redis, { id: LIFE });
  };
  beforeEach(beginAnew);
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  describe('a write', () => {
    it('is done at once when nobody holds the key', async () => {
      const [outcome, version] = await write(put('k', 'one'));
      expect(outcome).toBe('created');
      expect((await read('k')).entry).toMatchObject({ version, expiresAt: null, tags: [] });
      expect((await write(put('k', 'two')))[0]).toBe('replaced');
      expect(await write(remove('k'))).toEqual(['deleted']);
      expect(await write(remove('k'))).toEqual(['absent']);
      expect(await stored('k')).toBeNull();
    });

    it('waits for all who hold the key; the last acknowledgement does it', async () => {
      await write(put('k', 'old'));
      for (const node of ['a#1', 'b#1']) {
        await join(node);
        expect((await read('k', node)).cacheable).toBe(true);
      }
      const round = await begin(put('k', 'new'));
      expect(round.sharers.map(([name]) => name).sort()).toEqual(['a#1', 'b#1']);
      // Meanwhile the old value is served, but kept by nobody.
      const meanwhile = await read('k', 'a#1', 2);
      expect([String(meanwhile.entry?.bytes), meanwhile.cacheable]).toEqual(['old', false]);

      expect(await acknowledge('a#1', 1)).toBe(true);
      expect([await round.result(), await stored('k')]).toEqual([[], 'old']);
      expect(await acknowledge('b#1', 1)).toBe(true);
      expect((await round.result())?.[0]).toBe('replaced');
      expect(await stored('k')).toBe('new');
      expect((await read('k', 'a#1', 3)).cacheable).toBe(true);
    });

    it('is not done by an acknowledgement of an earlier invalidation', async () => {
      await join('a#1');
      for (const key of ['x', 'y']) {
        await write(put(key, 'old'));
        await read(key, 'a#1');
      }
      const [first, second] = [await begin(put('x', 'new')), await begin(put('y', 'new'))];
      await acknowledge('a#1', 1);
      expect([(await first.result())?.[0], await second.result()]).toEqual(['replaced', []]);
      await acknowledge('a#1', 1);
      expect(await second.result()).toEqual([]);
      await acknowledge('a#1', 2);
      expect((await second.result())?.[0]).toBe('replaced');
    });

    it('joins a round that runs: one invalidation for all writers, done in their order', async () => {
      await write(put('k', 'old'));
      await join('a#1');
      await read('k', 'a#1');
      const rounds = [await begin(put('k', 'one')), await begin(put('k', 'two')), await begin(add('k', 1))];
      expect(new Set(rounds.map(({ round }) => round)).size).toBe(1);
      expect(await missed('a#1')).toEqual(['key k']);
      await acknowledge('a#1', 1);
      const outcomes = await Promise.all(rounds.map(async ({ result }) => (await result())?.[0]));
      expect(outcomes).toEqual(['replaced', 'replaced', 'not-an-integer']);
      expect(await stored('k')).toBe('two');
    });

    it('does not wait for its own node, which gave up what it held; but for what it filled since', async () => {
      await write(put('k', 'old'));
      await join('a#1');
      await read('k', 'a#1', 7);
      await expect(begin(put('k', 'new'), { incarnation: 'a#1', lastFill: 6 })).resolves.toBeDefined();
      await acknowledge('a#1', 1);
      await read('k', 'a#1', 8);
      const own = await prepare(put('k', 'newer'), { incarnation: 'a#1', lastFill: 8 });
      expect(own.state).toBe('done');
    });

    it('that is refused needs no round', async () => {
      const [, version] = await write(put('k', 'old'));
      await join('a#1');
      await read('k', 'a#1');
      expect(await write(put('k', 'new', { ifMatch: '1' }))).toEqual(['mismatch']);
      expect(await write(put('k', 'new', { ifNoneMatch: '*' }))).toEqual(['mismatch']);
      expect(await write(put('k', 'x'.repeat(1_048_577)))).toEqual(['too-large', '1048576']);
      expect(await missed('a#1')).toEqual([]);
      const round = await begin(put('k', 'new', { ifMatch: String(version) }));
      await acknowledge('a#1', 1);
      expect((await round.result())?.[0]).toBe('replaced');
    });

    it('with an id that the caller chose is done once, whether it waits or not', async () => {
      expect(await write(add('n', 5), { id: 'i' })).toEqual(await write(add('n', 5), { id: 'i' }));
      await join('a#1');
      await read('n', 'a#1');
      await prepare(add('n', 1), { id: 'j' });
      await prepare(add('n', 1), { id: 'j' });
      await acknowledge('a#1', 1);
      expect((await write(add('n', 1), { id: 'j' }))[2]).toBe('6');
      expect(await stored('n')).toBe('6');
    });
  });

  describe('a node that says nothing', () => {
    const stuck = async () => {
      await write(put('k', 'old'));
      await join('a#1');
      await read('k', 'a#1');
      return begin(put('k', 'new'));
    };

    it('is fenced when its time is over, and the write is done', async () => {
      const round = await stuck();
      expect(await force(round)).toBe(true);
      expect([await stored('k'), await renew('a#1'), await acknowledge('a#1', 1)]).toEqual([
        'new',
        null,
        false,
      ]);
      expect(await read('k', 'a#1')).toMatchObject({ alive: false, cacheable: false });
      expect(await force(round)).toBe(false);
    });

    it('is not fenced when it has renewed since: its renewal told it what to drop', async () => {
      const round = await stuck();
      expect(await renew('a#1')).toMatchObject({
        first: 1,
        missed: [{ cache: 'c', register: { kind: 'key', name: 'k' } }],
      });
      expect(await force(round)).toBe(true);
      expect([await stored('k'), await missed('a#1', 1)]).toEqual(['new', []]);
    });

    it('is shown to the others as a round that is stuck', async () => {
      const { register, round } = await stuck();
      await join('b#1');
      const sharers = [['a#1', expect.stringMatching(/^0 /)]];
      expect((await renew('b#1'))?.stuck).toEqual([{ cache: 'c', register, round, sharers }]);
    });

    it('is not waited for when it has left', async () => {
      const round = await stuck();
      await coherence.leave(redis, { ...NODE, incarnation: 'a#1' });
      expect((await round.result())?.[0]).toBe('replaced');
      await join('a#2');
      expect(await write(put('k', 'newer'))).toContain('replaced');
    });

    it('is not waited for where it evicted what it held, unless it filled again', async () => {
      await write(put('k', 'old'));
      await join('a#1');
      await read('k', 'a#1', 3);
      await renew('a#1', 0, [['k', 2]]);
      await expect(begin(put('k', 'new'))).resolves.toBeDefined();
      await acknowledge('a#1', 1);
      await read('k', 'a#1', 4);
      await renew('a#1', 1, [['k', 4]]);
      expect(await write(put('k', 'newer'))).toContain('replaced');
    });
  });

  describe('an invalidation', () => {
    it('of a tag waits for who holds an entry with it, and spares what is written later', async () => {
      await write(put('k', 'old', { tags: ['t', 'u'] }));
      await write(put('other', 'stays'));
      await join('a#1');
      await read('k', 'a#1');
      const round = await begin(operations.invalidateTag('u'));
      await acknowledge('a#1', 1);
      expect(await round.result()).toEqual(['invalidated']);
      expect([await stored('k'), await stored('other')]).toEqual([null, 'stays']);
      await begin(put('k', 'new', { tags: ['u'] }));
      await acknowledge('a#1', 2);
      expect(await stored('k')).toBe('new');
    });

    it.each([
      ['a prefix', operations.invalidatePrefix('a/'), [null, 'b']],
      ['a flush', operations.flush(), [null, null]],
    ])('by %s waits for everybody who holds anything', async (_by, operation, left) => {
      await write(put('a/1', 'a'));
      await write(put('b/1', 'b'));
      await join('a#1');
      await read('b/1', 'a#1');
      const round = await begin(operation);
      await acknowledge('a#1', 1);
      expect(await round.result()).toEqual(['invalidated']);
      expect([await stored('a/1'), await stored('b/1')]).toEqual(left);
    });

    it('leaves nothing behind once it is swept', async () => {
      for (let i = 0; i < 25; i += 1) await write(put(`k${i}`, 'x', { tags: ['t'] }));
      await write(operations.flush());
      await write(put('later', 'stays'));
      for (let left: number | null = 0; left === 0; ) {
        left = await entry.sweepEntries(redis, { ...CACHE, max: 10 });
      }
      const entries = await redis.keys(`${cacheKey('c')}:e:*`);
      expect(entries).toEqual([`${cacheKey('c')}:e:later`]);
      const { entries: count, bytes } = await entry.describeCache(redis, CACHE);
      expect([count, bytes]).toEqual([1, 'later'.length + 'stays'.length]);
    });
  });

  describe('a fill lease', () => {
    it('is one at a time, and void after a write', async () => {
      expect(await lease('k', 'one')).toMatchObject({ state: 'lease', leftMs: 10_000 });
      expect((await lease('k', 'two')).state).toBe('held');
      expect(await write(put('k', 'by two', { lease: 'two' }))).toEqual(['lease-void']);
      expect((await write(put('k', 'by one', { lease: 'one' })))[0]).toBe('created');
      expect((await lease('k', 'three')).state).toBe('hit');
      await write(remove('k'));
      await lease('k', 'four');
      await write(put('k', 'by somebody else'));
      expect(await write(put('k', 'late', { lease: 'four' }))).toEqual(['lease-void']);
    });

    it('is void after an invalidation that covers what it would store, and free again then', async () => {
      await lease('k', 'one');
      expect(await fills.freeLeases(redis, { ...CACHE, keys: ['k', 'other'] })).toEqual(['other']);
      await write(operations.invalidateTag('t'));
      expect(await write(put('k', 'computed before', { lease: 'one', tags: ['t'] }))).toEqual(['lease-void']);
      await write(remove('k'));
      expect(await fills.freeLeases(redis, { ...CACHE, keys: ['k'] })).toEqual(['k']);
    });
  });

  it('a counter adds to whole numbers only, as far as they are exact', async () => {
    expect((await write(add('n', 5)))[2]).toBe('5');
    expect((await write(add('n', -7)))[2]).toBe('-2');
    await write(put('n', '9007199254740991'));
    expect(await write(add('n', 1))).toEqual(['not-an-integer']);
    await write(put('n', '1.5'));
    expect(await write(add('n', 1))).toEqual(['not-an-integer']);
  });

  it('versions rise over deletes, flushes and a loss of all data', async () => {
    const versions: bigint[] = [];
    const note = async () => versions.push(BigInt((await write(put('k', 'x')))[1] ?? 0));
    await note();
    await write(remove('k'));
    await note();
    await write(operations.flush());
    await note();
    await beginAnew();
    await note();
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => (a < b ? -1 : 1)));
  });
});
