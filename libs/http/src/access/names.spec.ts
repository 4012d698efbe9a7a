import { realmIn } from '@syncline/contracts';
import fc from 'fast-check';
import { Names, type PagePart } from './names.js';

/** Few letters, so that names begin alike. `*` never is in a name. */
const name = fc.string({ unit: fc.constantFrom('a', 'b', ':'), minLength: 1, maxLength: 5 });
const pattern = fc.oneof(
  name,
  name.map((prefix) => `${prefix}*`),
  fc.constant('*'),
);
const matches = (one: string, of: string) =>
  of.endsWith('*') ? one.startsWith(of.slice(0, -1)) : one === of;

/** A list as the engines answer it. Notes what it was asked for. */
function listOf(names: readonly string[]) {
  const sorted = [...new Set(names)].sort();
  const asked: PagePart[] = [];
  const list = async (part: PagePart) => {
    asked.push(part);
    const { prefix, cursor = '', limit } = part;
    const found = sorted.filter((one) => one.startsWith(prefix) && one > cursor);
    const shown = found.slice(0, limit);
    return {
      items: shown.map((one) => ({ name: one })),
      cursor: found.length > limit ? (shown.at(-1) ?? null) : null,
    };
  };
  return { sorted, asked, list };
}

describe('a set of names', () => {
  it('has a name when one of its patterns matches it', () => {
    fc.assert(
      fc.property(fc.array(pattern), name, (patterns, one) => {
        expect(new Names(patterns).has(one)).toBe(patterns.some((each) => matches(one, each)));
      }),
    );
  });

  it.each([
    ['Billing:x', false],
    ['billing:', true],
    ['billing', false],
    ['x/billing:x', false],
    ['__proto__', false],
  ])('billing:* has %s: %s', (one, expected) => {
    expect(new Names(['billing:*']).has(one)).toBe(expected);
  });

  it('of one realm has no names of another, and lists none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(pattern),
        fc.array(name),
        fc.integer({ min: 1, max: 4 }),
        async (patterns, own, limit) => {
          const realms = ['', '~a~', '~ab~', '~b~'];
          const all = realms.flatMap((realm) => own.map((one) => realm + one));
          for (const realm of realms) {
            const names = new Names(patterns, realm);
            const expected = all.filter(
              (one) =>
                realmIn(one) === realm && patterns.some((each) => matches(one.slice(realm.length), each)),
            );
            expect(all.filter((one) => names.has(one))).toEqual(expected);
            const seen: string[] = [];
            let cursor: string | null | undefined;
            while (cursor !== null) {
              const page = await names.page('items', { prefix: realm, cursor, limit }, listOf(all).list);
              seen.push(...page.items.map((item) => item.name));
              ({ cursor } = page);
              if (cursor !== null) expect(realmIn(cursor)).toBe(realm);
            }
            expect(seen).toEqual([...new Set(expected)].sort());
            expect(names.isAll).toBe(patterns.includes('*'));
          }
        },
      ),
    );
  });

  it('shows these names alone of a list, page after page, to the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(pattern),
        fc.array(name),
        fc.oneof(name, fc.constant('')),
        fc.integer({ min: 1, max: 4 }),
        async (patterns, all, prefix, limit) => {
          const names = new Names(patterns);
          const { sorted, list } = listOf(all);
          const seen: string[] = [];
          let cursor: string | null | undefined;
          while (cursor !== null) {
            const page = await names.page('items', { prefix, cursor, limit }, list);
            expect(page.items.length).toBeLessThanOrEqual(limit);
            seen.push(...page.items.map((item) => item.name));
            if (page.cursor !== null) expect(names.has(page.cursor)).toBe(true);
            ({ cursor } = page);
          }
          expect(seen).toEqual(sorted.filter((one) => one.startsWith(prefix) && names.has(one)));
        },
      ),
    );
  });

  it('reads a list that it has whole as one', async () => {
    const { asked, list } = listOf(['a', 'b']);
    await new Names(['a', 'b*', '*']).page('items', { limit: 10, cursor: undefined }, list);
    expect(asked).toEqual([{ prefix: '', cursor: undefined, limit: 10 }]);
  });
});
