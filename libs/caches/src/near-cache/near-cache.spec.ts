import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Lease } from '../coherence/lease.js';
import { NearCache, type NearEntry } from './near-cache.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function usedBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('the near cache', () => {
  const lease = new Lease();
  const entry = (bytes: number, usableUntil = Number.POSITIVE_INFINITY): NearEntry => ({
    ...{ version: '1', bytes: Buffer.alloc(bytes), contentType: 'text/plain' },
    storedAt: 0,
    freshUntil: Number.POSITIVE_INFINITY,
    usableUntil,
    expiresAt: null,
    fill: 7,
  });

  const nearCache = (capacity: number) => {
    const evicted: string[] = [];
    const near = new NearCache(capacity, (key, fill, why) => evicted.push(`${key} ${fill} ${why}`));
    return { near, evicted };
  };

  it('serves an entry until its time is over', () => {
    const { near, evicted } = nearCache(1_000_000);
    near.set('k', entry(1, 100), [], lease);
    expect(near.get('k', 99)).toBeDefined();
    expect(near.get('k', 100)).toBeUndefined();
    expect(evicted).toEqual(['k 7 time']);
  });

  it('invalidates all entries with a tag at once, and what comes later is not meant', () => {
    const { near } = nearCache(1_000_000);
    near.set('a', entry(1), ['t', 'u'], lease);
    near.set('b', entry(1), ['t'], lease);
    near.set('c', entry(1), ['u'], lease);
    near.dropTag('t');
    near.set('b', entry(1), ['t'], lease);
    expect(['a', 'b', 'c'].map((key) => near.get(key, 0) !== undefined)).toEqual([false, true, true]);
    near.drop('b');
    near.dropTag('t');
    expect(near.get('c', 0)).toBeDefined();
  });

  it('serves nothing that came under a lease which is over, and drops it; what other shards brought stays', () => {
    const { near, evicted } = nearCache(1_000_000);
    const [ending, other] = [new Lease(), new Lease()];
    near.set('ending', entry(1), ['t'], ending);
    near.set('asked', entry(1), ['t'], ending);
    near.set('other', entry(1), ['t'], other);
    ending.isOver = true;
    expect(near.get('asked', 0)).toBeUndefined();
    near.dropOver();
    expect([near.count, evicted]).toEqual([1, ['asked 7 time']]);
    expect(near.get('other', 0)?.lease).toBe(other);
    near.dropTag('t');
    expect(near.get('other', 0)).toBeUndefined();
  });

  it('tells what it evicted by itself, and not what it was told to drop', () => {
    const { near, evicted } = nearCache(20_000);
    near.set('dropped', entry(1), [], lease);
    near.drop('dropped');
    for (let i = 0; i < 100; i += 1) near.set(`k${i}`, entry(100), [], lease);
    expect(evicted.length).toBeGreaterThan(50);
    expect(evicted.every((line) => line.endsWith(' 7 room'))).toBe(true);
    expect(evicted).not.toContainEqual(expect.stringContaining('dropped'));
  });

  it('drops what begins with a prefix, and nothing else, as often as it comes again', () => {
    const { near } = nearCache(1_000_000);
    near.dropPrefix('user/');
    for (const key of ['user/1', 'user/2', 'page/1']) near.set(key, entry(1), [], lease);
    near.dropPrefix('user/');
    expect(['user/1', 'user/2', 'page/1'].map((key) => near.get(key, 0) !== undefined)).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('counts what is attached to an entry, and lets both go together', () => {
    const { near, evicted } = nearCache(10_000);
    near.set('a', entry(1), [], lease);
    const before = near.bytes;
    near.get('a', 0)?.attach('made of a', 5_000);
    expect([near.get('a', 0)?.attachment, near.bytes - before]).toEqual(['made of a', 5_000]);
    near.get('a', 0)?.attach('too large', 10_000);
    expect(near.get('a', 0)?.attachment).toBe('made of a');
    const held = near.get('a', 0);
    for (let i = 0; i < 20; i += 1) {
      near.set(`k${i}`, entry(100), [], lease);
      near.get(`k${i}`, 0)?.attach(i, 3_000);
      expect(near.bytes).toBeLessThanOrEqual(10_000);
    }
    expect(evicted.length).toBeGreaterThan(10);
    near.set('a', entry(1), [], lease);
    expect(near.get('a', 0)?.attachment).toBeUndefined();
    near.clear();
    held?.attach('late', 100);
    expect(near.bytes).toBe(0);
  });

  const wide = (i: number, length: number) => `${i}-\u00fc-`.padEnd(length, 'x');
  it.each([
    ['small values', 20_000, 20, () => ({ tags: [] })],
    ['larger values with tags', 5_000, 4_000, () => ({ tags: ['tag0', 'tag1', 'tag2', 'tag3'] })],
    ['tags of their own', 1_000, 20, (i: number) => ({ tags: [...'abcdefgh'].map((t) => t + wide(i, 120)) })],
    ['long content types', 5_000, 20, (i: number) => ({ tags: [], contentType: wide(i, 256) })],
    ['long keys', 5_000, 20, (i: number) => ({ tags: [], key: wide(i, 1_000) })],
  ] as [string, number, number, (i: number) => { tags: string[]; key?: string; contentType?: string }][])(
    'counts no less than the heap says: %s',
    (_what, count, size, of) => {
      const { near } = nearCache(1_000_000_000);
      const before = usedBytes();
      for (let i = 0; i < count; i += 1) {
        const { tags, key = `user/${i}/profile`, contentType } = of(i);
        near.set(key, { ...entry(size), ...(contentType && { contentType }) }, tags, lease);
      }
      expect(usedBytes() - before).toBeLessThanOrEqual(near.bytes);
      expect(near.count).toBe(count);
    },
  );

  it('does not hold on to the text that a key was a part of', () => {
    const { near } = nearCache(1_000_000_000);
    const before = usedBytes();
    for (let i = 0; i < 200; i += 1) {
      const address = `${i}`.padStart(20, 'k') + `?${i}`.repeat(20_000);
      near.set(address.slice(0, 20), entry(1), [], lease);
    }
    expect(usedBytes() - before).toBeLessThan(2_000_000);
  });

  it('does not hold on to the reply that an entry came with', () => {
    const { near } = nearCache(1_000_000_000);
    const before = usedBytes();
    for (let i = 0; i < 200; i += 1) {
      near.set(`k${i}`, { ...entry(0), bytes: Buffer.alloc(100_000).subarray(0, 10) }, [], lease);
    }
    expect(usedBytes() - before).toBeLessThan(2_000_000);
  });
});
