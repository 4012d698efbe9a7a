import { setTimeout as sleep } from 'node:timers/promises';
import { answeredBy, eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import {
  bytes,
  json,
  NotAnIntegerError,
  PayloadTooLargeError,
  type Syncline,
  text,
  VersionMismatchError,
} from '../index.js';

describe.each(WAYS)('Cache over %s:', (way) => {
  let deployment: Deployment;
  let client: Syncline;
  /** A second client, as another process has: it shares nothing else with the first. */
  let other: Syncline;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'cache');
    client = await deployment.connect();
    other = await deployment.connect();
  });
  afterAll(() => deployment?.stop());

  describe('Cache', () => {
    it('stores values of its type through its codec', async () => {
      const users = client.cache<{ name: string }>('users');
      expect(await users.get('a/ü')).toBeUndefined();
      await users.set('a/ü', { name: 'Ada' }, { ttlMs: 60_000 });
      expect(await users.get('a/ü')).toEqual({ name: 'Ada' });
      expect(await users.delete('a/ü')).toBe(true);
      expect(await users.delete('a/ü')).toBe(false);
      expect(await users.get('a/ü')).toBeUndefined();

      const words = client.cache('words', { codec: text });
      await words.set('w', '{"not json');
      expect(await words.get('w')).toBe('{"not json');
      const raw = client.cache('raw', { codec: bytes });
      const value = Uint8Array.from([0, 255, 254, 1]);
      await raw.set('r', value);
      expect(new Uint8Array((await raw.get('r')) ?? [])).toEqual(value);
      const large = Buffer.alloc(700_000, 7);
      await raw.set('large', large);
      const [again, small] = await Promise.all([raw.get('large'), raw.get('r')]);
      expect(large.equals(again as Buffer)).toBe(true);
      expect(new Uint8Array(small ?? [])).toEqual(value);
      await expect(raw.set('x', Buffer.alloc(1_048_577))).rejects.toThrow(PayloadTooLargeError);
      await expect(client.cache('j').set('x', undefined)).rejects.toThrow(TypeError);
    });

    it('sends the calls of one turn in few requests, each with its own outcome', async () => {
      const cache = client.cache<number>('turn', { codec: json() });
      await cache.configure({ maxEntryBytes: 100 });
      const wide = client.cache<unknown>('turn');
      const writes = await Promise.allSettled(
        Array.from({ length: 300 }, (_, i) => wide.set(`k${i}`, i === 7 ? 'x'.repeat(200) : i)),
      );
      expect(writes.map(({ status }) => status === 'fulfilled')).toEqual(writes.map((_, i) => i !== 7));
      expect(writes[7]).toMatchObject({ reason: expect.any(PayloadTooLargeError) });
      const read = await Promise.all([...writes.map((_, i) => cache.get(`k${i}`)), cache.get('k1')]);
      expect(read).toEqual([...writes.map((_, i) => (i === 7 ? undefined : i)), 1]);
      await Promise.all(writes.map((_, i) => cache.delete(`k${i}`)));
      expect(await cache.get('k1')).toBeUndefined();
    });

    it('shows every reader the latest write, through any node', async () => {
      const mine = client.cache<number>('seen');
      const theirs = other.cache<number>('seen');
      for (let i = 0; i < 100; i++) {
        await (i % 2 ? mine : theirs).set('k', i);
        expect(await Promise.all([mine.get('k'), theirs.get('k')])).toEqual([i, i]);
      }
    });

    it('supports conditional writes, increments and invalidations', async () => {
      const cache = client.cache<number>('conditions');
      const { version } = await cache.set('n', 1, { ifAbsent: true, tags: ['t'] });
      await expect(cache.set('n', 2, { ifAbsent: true })).rejects.toThrow(VersionMismatchError);
      expect(await cache.getEntry('n')).toEqual({ value: 1, version });
      await cache.set('n', 2, { ifVersion: version, tags: ['t'] });
      await expect(cache.set('n', 3, { ifVersion: version })).rejects.toThrow(VersionMismatchError);
      await cache.invalidateTags('t');
      expect(await cache.get('n')).toBeUndefined();
      expect((await cache.increment('count', 5)).value).toBe(5);
      expect((await cache.increment('count')).value).toBe(6);
      await client.cache<string>('conditions').set('text', 'no number');
      await expect(cache.increment('text')).rejects.toThrow(NotAnIntegerError);
      await cache.invalidatePrefix('cou');
      expect(await cache.get('count')).toBeUndefined();
      await cache.flush();
      expect((await cache.inspect()).name).toBe('conditions');
    });
  });

  describe('CacheClient', () => {
    it('lists caches and nodes', async () => {
      await client.cache('listed').set('k', 1);
      const caches = await deployment.connectCaches();
      const entries = new Map<string, number>();
      for await (const { name, stats } of caches.list()) entries.set(name, stats.entries);
      expect(entries.get('listed')).toBe(1);
      const cluster = await caches.cluster();
      expect([cluster.role, cluster.members.length]).toEqual(['cache', way === 'nodes' ? 2 : 3]);
    });
  });

  describe('getOrSet', () => {
    it('loads once in the cluster, and every caller gets the value', async () => {
      let loads = 0;
      const loader = async () => {
        loads++;
        await sleep(200);
        return { loads };
      };
      const caches = [client.cache<{ loads: number }>('once'), other.cache<{ loads: number }>('once')];
      const values = await Promise.all(
        Array.from({ length: 20 }, (_, i) => caches[i % 2]?.getOrSet('k', loader, { ttlMs: 60_000 })),
      );
      expect(values).toEqual(values.map(() => ({ loads: 1 })));
      expect(await caches[0]?.getOrSet('k', loader)).toEqual({ loads: 1 });
      expect(loads).toBe(1);
    });

    it('throws the error of the loader, and the next call loads again', async () => {
      const cache = client.cache<number>('failing');
      const own = new Error('mine');
      await expect(cache.getOrSet('k', () => Promise.reject(own), { leaseMs: 300 })).rejects.toBe(own);
      expect(await cache.getOrSet('k', () => 2)).toBe(2);
    });

    it('does not store a loaded value after a write came in between', async () => {
      const cache = client.cache<number>('overtaken');
      const loaded = await cache.getOrSet('k', async () => {
        await other.cache<number>('overtaken').set('k', 2);
        return 1;
      });
      expect(loaded).toBe(1);
      expect(await cache.get('k')).toBe(2);
    });

    it('serves a stale value while one caller refreshes it', async () => {
      const cache = client.cache<number>('stale');
      let n = 0;
      const options = { ttlMs: 150, staleMs: 60_000 };
      const next = () => cache.getOrSet('k', () => ++n, options);
      expect(await next()).toBe(1);
      await sleep(200);
      expect(await next()).toBe(1);
      await eventually(async () => expect(await next()).toBeGreaterThan(1));
    });

    it('loads for itself when another caller takes too long', async () => {
      const cache = client.cache<string>('slow');
      let finish: ((value: string) => void) | undefined;
      const slow = cache.getOrSet(
        'k',
        () =>
          new Promise<string>((resolve) => {
            finish = resolve;
          }),
      );
      await eventually(() => expect(finish).toBeDefined());
      expect(await cache.getOrSet('k', () => 'own', { waitMs: 100 })).toBe('own');
      finish?.('slow');
      expect(await slow).toBe('slow');
    });
  });
});

describe('reads of one key at nodes', () => {
  let deployment: Deployment;
  let client: Syncline;

  beforeAll(async () => {
    deployment = await Deployment.start('nodes', 'cache');
    client = await deployment.connect();
  });
  afterAll(() => deployment?.stop());

  const GET = /GET.*entries/;
  const MGET = /mget/;

  it('go over the call stream', async () => {
    const cache = client.cache('alone');
    await cache.set('k', 1);
    for (let i = 0; i < 10; i++) await cache.get('k');
    await eventually(async () => {
      const before = await answeredBy(deployment.nodes, MGET);
      for (let i = 0; i < 20; i++) await cache.get('k');
      expect((await answeredBy(deployment.nodes, MGET)) - before).toBe(20);
    });
  });

  it('are requests of their own while the values are large', async () => {
    const cache = client.cache('alone-and-large', { codec: text });
    await cache.set('k', 'x'.repeat(100_000));
    await cache.get('k');
    const before = await answeredBy(deployment.nodes, GET);
    for (let i = 0; i < 5; i++) expect(await cache.get('k')).toHaveLength(100_000);
    expect((await answeredBy(deployment.nodes, GET)) - before).toBe(5);
  });
});
