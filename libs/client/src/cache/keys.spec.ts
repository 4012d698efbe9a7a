import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import { bytes, PayloadTooLargeError, type Syncline, text, ValidationError } from '../index.js';

describe.each(WAYS)('Cache keys and values over %s:', (way) => {
  let deployment: Deployment;
  let client: Syncline;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'cache');
    client = await deployment.connect();
  });
  afterAll(() => deployment?.stop());

  /** A value that a JavaScript caller may pass. */
  const anything = <T>(value: unknown) => value as T;

  describe('cache calls of one turn', () => {
    it('fail alone: an invalid call gets its own error, and the others succeed', async () => {
      const cache = client.cache<unknown>('turn');
      const odd = ['', '\ud800', 'x'.repeat(1_025)];
      const misused: unknown[] = [undefined, 5, null];
      const writes = await Promise.allSettled([
        cache.set('good', 1),
        ...odd.map((key) => cache.set(key, 1)),
        ...misused.map((key) => cache.set(anything(key), 1)),
        cache.set('float', 1, { ttlMs: 1.5 }),
        cache.set('nan', 1, { ttlMs: Number.NaN }),
        cache.set('comma', 1, { tags: ['a,b'] }),
        cache.set('comma', 1, { tags: ['a,b'], ifAbsent: true }),
        cache.set('bigint', 1n),
        cache.set('other', 2),
      ]);
      const reasons = writes.map((write) =>
        write.status === 'rejected' ? write.reason.constructor : 'done',
      );
      expect(reasons).toEqual([
        'done',
        ...odd.map(() => ValidationError),
        ...misused.map(() => TypeError),
        ...Array(4).fill(ValidationError),
        TypeError,
        'done',
      ]);
      const reads = await Promise.allSettled(
        [...odd, ...misused, 'good', 'other'].map((key) => cache.get(anything(key))),
      );
      expect(reads.slice(-2)).toEqual([1, 2].map((value) => ({ status: 'fulfilled', value })));
      expect(reads.slice(0, -2).map(({ status }) => status)).toEqual(Array(6).fill('rejected'));
      const deletes = await Promise.allSettled([...odd, 'good'].map((key) => cache.delete(key)));
      expect(deletes.map(({ status }) => status)).toEqual([...odd.map(() => 'rejected'), 'fulfilled']);
    });

    it('get their own errors when all of them are refused', async () => {
      const cache = client.cache<string>('faults');
      await cache.configure({ maxEntryBytes: 10 });
      const [float, large] = await Promise.allSettled([
        cache.set('k', 'x', { ttlMs: 1.5 }),
        cache.set('k', 'x'.repeat(11)),
      ]);
      expect(float).toMatchObject({ reason: expect.any(ValidationError) });
      expect(large).toMatchObject({ reason: expect.any(PayloadTooLargeError) });
    });

    it('read more than fits into one answer', async () => {
      const cache = client.cache('large', { codec: text });
      const value = 'x'.repeat(900_000);
      const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
      await Promise.all(keys.map((key) => cache.set(key, value)));
      const read = await Promise.all(keys.map((key) => cache.get(key)));
      expect(read.map((one) => one?.length)).toEqual(keys.map(() => value.length));
    });
  });

  describe('a cache key', () => {
    it('may be . or .. and reaches no other path', async () => {
      const cache = client.cache<unknown>('dots');
      await cache.configure({ defaultTtlMs: 60_000 });
      await cache.set('bystander', 1);
      for (const key of ['.', '..']) {
        expect(await cache.get(key)).toBeUndefined();
        expect(await cache.delete(key)).toBe(false);
        await cache.set(key, key);
        expect(await cache.get(key)).toBe(key);
        await cache.set(key, 'x'.repeat(100_000));
        expect(await cache.getEntry(key)).toMatchObject({ value: 'x'.repeat(100_000) });
        expect(await cache.getOrSet(key, () => 'never')).toBe('x'.repeat(100_000));
        await expect(cache.set(key, 1, { ifAbsent: true })).rejects.toThrow(ValidationError);
        await expect(cache.increment(key)).rejects.toThrow(ValidationError);
        expect(await cache.delete(key)).toBe(true);
        await expect(cache.getOrSet(key, () => 'never')).rejects.toThrow(ValidationError);
      }
      expect(await cache.get('bystander')).toBe(1);
      expect((await cache.inspect()).defaultTtlMs).toBe(60_000);
    });

    it('may be the name of a member of Object.prototype', async () => {
      const cache = client.cache<number>('__proto__');
      const keys = ['__proto__', 'constructor', 'toString'];
      await Promise.all(keys.map((key, i) => cache.set(key, i, { tags: keys })));
      expect(await Promise.all(keys.map((key) => cache.get(key)))).toEqual([0, 1, 2]);
      expect(await cache.getOrSet('valueOf', () => 5)).toBe(5);
      await cache.invalidateTags('__proto__');
      expect(await Promise.all(keys.map((key) => cache.get(key)))).toEqual(keys.map(() => undefined));
    });
  });

  describe('a cached value', () => {
    it('has the same bytes when read alone or in a batch', async () => {
      const cache = client.cache('exact', { codec: text });
      const values = ['12345678901234567890', '{"a": 1e400}', ' [1] ', '\ufeffbom', 'true'];
      const json = { ...text, contentType: 'application/json' };
      const typed = client.cache('exact', { codec: json });
      await Promise.all(values.map((value, i) => typed.set(`k${i}`, value)));
      const all = await Promise.all(values.map((_, i) => cache.get(`k${i}`)));
      expect(all).toEqual(values);
      for (const [i, value] of values.entries()) expect(await cache.get(`k${i}`)).toBe(value);
      const raw = client.cache('raw', { codec: bytes });
      await Promise.all([raw.set('a', Buffer.from([0, 255])), raw.set('b', Buffer.from('"text"'))]);
      const read = await Promise.all([raw.get('a'), raw.get('b')]);
      expect(read.map((one) => Buffer.from(one ?? []))).toEqual([
        Buffer.from([0, 255]),
        Buffer.from('"text"'),
      ]);
    });

    it('can be incremented only while it is an exact integer', async () => {
      const cache = client.cache<number>('counters');
      expect((await cache.increment('n', Number.MAX_SAFE_INTEGER)).value).toBe(Number.MAX_SAFE_INTEGER);
      await expect(cache.increment('n')).rejects.toThrow('2^53');
      await expect(cache.increment('m', 2 ** 53)).rejects.toThrow(ValidationError);
      await expect(cache.increment('m', 1.5)).rejects.toThrow(ValidationError);
      await client.cache('counters', { codec: text }).set('huge', '12345678901234567890');
      await expect(cache.increment('huge')).rejects.toThrow('2^53');
      expect(await client.cache('counters', { codec: text }).get('huge')).toBe('12345678901234567890');
    });
  });
});
