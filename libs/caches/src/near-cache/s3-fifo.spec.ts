import { S3Fifo } from './s3-fifo.js';

describe('S3-FIFO', () => {
  const filled = (capacity: number, keys: readonly string[]) => {
    const evicted: string[] = [];
    const cache = new S3Fifo<string>(capacity, (key) => evicted.push(key));
    for (const key of keys) cache.set(key, key, 10);
    return { cache, evicted };
  };

  it('keeps within its bytes, whatever comes', () => {
    const { cache } = filled(100, []);
    for (let i = 0; i < 10_000; i += 1) {
      cache.set(`k${(i * 7_919) % 311}`, 'v', 1 + (i % 37));
      if (i % 3 === 0) cache.get(`k${i % 97}`);
      if (i % 11 === 0) cache.delete(`k${i % 89}`);
      expect(cache.bytes).toBeLessThanOrEqual(100);
    }
    cache.clear();
    expect([cache.bytes, cache.count]).toEqual([0, 0]);
  });

  it('lets go first what was used once', () => {
    const { cache, evicted } = filled(100, ['a', 'b']);
    for (let i = 0; i < 3; i += 1) cache.get('a');
    for (let i = 0; i < 30; i += 1) cache.set(`scan${i}`, 'v', 10);
    expect(cache.get('a')).toBe('a');
    expect(evicted).toContain('b');
    expect(evicted).not.toContain('a');
  });

  it('keeps what comes back soon after it was thrown out', () => {
    const { cache } = filled(
      100,
      Array.from({ length: 12 }, (_, i) => `k${i}`),
    );
    expect(cache.get('k0')).toBeUndefined();
    cache.set('k0', 'again', 10);
    for (let i = 0; i < 8; i += 1) cache.set(`new${i}`, 'v', 10);
    expect(cache.get('k0')).toBe('again');
  });

  it('does not keep what is larger than all of it, and shrinks when told', () => {
    const { cache } = filled(100, ['a', 'b', 'c']);
    cache.set('huge', 'v', 101);
    expect(cache.get('huge')).toBeUndefined();
    expect(cache.count).toBe(3);
    cache.resize(15);
    expect(cache.bytes).toBeLessThanOrEqual(15);
  });
});
