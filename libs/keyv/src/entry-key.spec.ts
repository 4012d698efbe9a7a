import { entryKey, namespacePrefix } from './entry-key.js';

describe('the key of an entry', () => {
  it('is the key, and what the namespace begins with, wherever that can be', () => {
    expect(entryKey('users/42 ü', undefined)).toBe('users/42 ü');
    expect(entryKey('users/42 ü', 'shop')).toBe('shop:users/42 ü');
    expect(namespacePrefix('shop')).toBe('shop:');
  });

  it('is the same with the prefix of Keyv and without', () => {
    expect(entryKey('shop:a', 'shop')).toBe(entryKey('a', 'shop'));
  });

  it('fits the rules of the cache whatever the key is, and no two meet', () => {
    const long = 'x'.repeat(100_000);
    const odd = [
      '',
      '\ud800',
      '\udc00',
      '\ufffd',
      long,
      `${long}y`,
      'é'.repeat(300),
      'sha256-',
      entryKey('', undefined),
    ];
    const keys = odd.flatMap((key) => [
      entryKey(key, undefined),
      entryKey(key, 'n'),
      entryKey(key, `${long}n`),
    ]);
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) {
      expect(key).toMatch(/^\P{Cs}+$/u);
      expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1_024);
    }
    expect(entryKey(long, `${long}n`).startsWith(namespacePrefix(`${long}n`))).toBe(true);
  });
});
