import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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
  const entry = (bytes: number, usableUntil = Number.POSITIVE_INFINITY): NearEntry => ({
    value: { version: '1', bytes: Buffer.alloc(bytes), contentType: 'text/plain' },
    storedAt: 0,
    freshUntil: Number.POSITIVE_INFINITY,
    usableUntil,
    expiresAt: null,
    fill: 7,
  });

  it('serves an entry until its time is over', () => {
    const near = new NearCache(1_000_000, () => {});
    near.set('k', entry(1, 100), []);
    expect(near.get('k', 99)).toBeDefined();
    expect(near.get('k', 100)).toBeUndefined();
    expect(near.takeGivenUp(10)).toEqual([['k', 7]]);
  });

  it('invalidates all entries with a tag at once, and what comes later is not meant', () => {
    const near = new NearCache(1_000_000, () => {});
    near.set('a', entry(1), ['t', 'u']);
    near.set('b', entry(1), ['t']);
    near.set('c', entry(1), ['u']);
    near.dropTag('t');
    near.set('b', entry(1), ['t']);
    expect(['a', 'b', 'c'].map((key) => near.get(key, 0) !== undefined)).toEqual([false, true, true]);
    near.drop('b');
    near.dropTag('t');
    expect(near.get('c', 0)).toBeDefined();
  });

  it('tells what it gave up by itself, and not what it was told to drop', () => {
    const evicted: number[] = [];
    const near = new NearCache(20_000, () => evicted.push(1));
    near.set('dropped', entry(1), []);
    near.drop('dropped');
    for (let i = 0; i < 100; i += 1) near.set(`k${i}`, entry(100), []);
    expect(evicted.length).toBeGreaterThan(50);
    expect(near.takeGivenUp(1_000).map(([key]) => key)).not.toContain('dropped');
    expect(near.takeGivenUp(1_000)).toEqual([]);
  });

  it.each([
    ['small values', 20_000, 20, 0],
    ['larger values with tags', 5_000, 4_000, 4],
  ])('counts no less than the heap says: %s', (_what, count, size, tagged) => {
    const near = new NearCache(1_000_000_000, () => {});
    const before = usedBytes();
    for (let i = 0; i < count; i += 1) {
      const tags = Array.from({ length: tagged }, (_, t) => `tag${t}`);
      near.set(`user/${i}/profile`, entry(size), tags);
    }
    expect(usedBytes() - before).toBeLessThanOrEqual(near.bytes);
    expect(near.count).toBe(count);
  });

  it('does not hold on to the reply that an entry came with', () => {
    const near = new NearCache(1_000_000_000, () => {});
    const before = usedBytes();
    for (let i = 0; i < 200; i += 1) {
      const value = { version: '1', bytes: Buffer.alloc(100_000).subarray(0, 10), contentType: 'text/plain' };
      near.set(`k${i}`, { ...entry(0), value }, []);
    }
    expect(usedBytes() - before).toBeLessThan(2_000_000);
  });
});
