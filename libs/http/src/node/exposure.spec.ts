import { exposureOf, isLoopback } from './exposure.js';

const CLOSED = { requiresKeys: false, allowsAnonymous: false };

describe('where a node listens', () => {
  it.each([
    [undefined, '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['::', '127.0.0.1'],
    ['10.0.0.1', '127.0.0.1'],
    ['node.example.com', '127.0.0.1'],
  ])('is loopback alone without keys, whatever HOST says (%s), and it says so', (host, expected) => {
    const exposure = exposureOf(host, CLOSED);
    expect(exposure.host).toBe(expected);
    expect(exposure.warning).toMatch(/API_KEYS_FILE.*ALLOW_ANONYMOUS=1/);
  });

  it.each(['127.0.0.1', '127.8.0.1', '::1', 'localhost', '::ffff:127.0.0.1'])(
    'is the loopback address that HOST names: %s',
    (host) => {
      expect(exposureOf(host, CLOSED)).toEqual({ host, warning: undefined });
      expect(isLoopback(host)).toBe(true);
    },
  );

  it('is HOST, else every address, when anonymous callers are allowed, with a warning', () => {
    const open = { requiresKeys: false, allowsAnonymous: true };
    expect(exposureOf(undefined, open)).toMatchObject({ host: '0.0.0.0', warning: expect.any(String) });
    expect(exposureOf('10.0.0.1', open)).toMatchObject({ host: '10.0.0.1', warning: expect.any(String) });
  });

  it('is HOST, else every address, with keys', () => {
    const keys = { requiresKeys: true, allowsAnonymous: false };
    expect(exposureOf(undefined, keys)).toEqual({ host: '0.0.0.0', warning: undefined });
    expect(exposureOf('10.0.0.1', keys)).toEqual({ host: '10.0.0.1', warning: undefined });
  });
});
