import fc from 'fast-check';
import { Ring } from './ring.js';

const nodeIds = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/), { minLength: 1, maxLength: 20 });
const keys = fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 50 });

describe('the hash ring', () => {
  it('names the same owner for every key in any order of the members', () => {
    fc.assert(
      fc.property(nodeIds, keys, (ids, names) => {
        const [one, other] = [new Ring(ids), new Ring([...ids].reverse())];
        expect(names.map((name) => one.owner(name))).toEqual(names.map((name) => other.owner(name)));
      }),
    );
  });

  it('moves only the keys of the node that leaves', () => {
    fc.assert(
      fc.property(nodeIds, keys, fc.nat(), (ids, names, n) => {
        fc.pre(ids.length > 1);
        const leaver = ids[n % ids.length];
        const [before, after] = [new Ring(ids), new Ring(ids.filter((id) => id !== leaver))];
        for (const name of names) {
          if (before.owner(name) !== leaver) expect(after.owner(name)).toBe(before.owner(name));
        }
      }),
    );
  });

  it.each([7, 14, 28])(
    'moves only the keys of the leaver with %i members, where rounding could move others',
    (size) => {
      const ids = Array.from({ length: size }, (_, i) => `node_${i}`);
      const [before, after] = [new Ring(ids), new Ring(ids.slice(1))];
      const moved = Array.from({ length: 2_000 }, (_, i) => `key-${i}`).filter(
        (key) => before.owner(key) !== 'node_0' && before.owner(key) !== after.owner(key),
      );
      expect(moved).toEqual([]);
    },
  );

  it('has shares that add up to 1 and match the keys that a node owns', () => {
    const ring = new Ring(['a', 'b', 'c']);
    const shares = ['a', 'b', 'c'].map((id) => ring.share(id));
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 10);
    const owned = Array.from({ length: 20_000 }, (_, i) => ring.owner(`key-${i}`)).filter((id) => id === 'a');
    expect(owned.length / 20_000).toBeCloseTo(shares[0] ?? 0, 1);
  });

  it('accepts any string as a key and any id as a node', () => {
    const odd = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', '\ud800', ''];
    const ids = ['a', '__proto__', 'constructor', 'toString'];
    const ring = new Ring(ids);
    for (const round of [1, 2]) {
      for (const key of odd) expect([round, ids]).toEqual([round, expect.arrayContaining([ring.owner(key)])]);
      // More keys than the cache of the ring holds, so that the first ones are evicted.
      for (let i = 0; i < 6_000; i++) ring.owner(`${round}-${i}`);
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(ids.map((id) => ring.share(id) > 0)).toEqual(ids.map(() => true));
  });

  it('has no owner without members', () => {
    expect(new Ring([]).owner('key')).toBeNull();
    expect(new Ring([]).share('a')).toBe(0);
  });
});
