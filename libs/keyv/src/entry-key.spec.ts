import { entryKey, namespacePrefix } from './entry-key.js';

describe('the entry key of a Keyv key', () => {
  it('is the key with the namespace as prefix, when both are valid', () => {
    expect(entryKey('users/42 ü', undefined)).toBe('users/42 ü');
    expect(entryKey('users/42 ü', 'shop')).toBe('shop:users/42 ü');
    expect(namespacePrefix('shop')).toBe('shop:');
  });

  it('is the same with and without the namespace prefix of Keyv', () => {
    expect(entryKey('shop:a', 'shop')).toBe(entryKey('a', 'shop'));
  });

  it('is valid for any Keyv key, and never the same for two', () => {
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
