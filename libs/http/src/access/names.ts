import { realmIn } from '@syncline/contracts';

/** A set of names of one realm: single ones, and all that begin alike. */
export class Names {
  /** In order; none of them is part of another. */
  private readonly ranges: readonly { readonly start: string; readonly isPrefix: boolean }[];

  /**
   * @param patterns names, or prefixes of names and `*`
   * @param realm of all of them
   */
  constructor(
    patterns: readonly string[],
    private readonly realm = '',
  ) {
    const sorted = patterns
      .map((pattern) => ({ start: realm + pattern.replace(/\*$/, ''), isPrefix: pattern.endsWith('*') }))
      .sort((a, b) => compare(a.start, b.start) || Number(b.isPrefix) - Number(a.isPrefix));
    const ranges: (typeof sorted)[number][] = [];
    for (const range of sorted) {
      const last = ranges.at(-1);
      const isCovered = last?.isPrefix ? range.start.startsWith(last.start) : range.start === last?.start;
      if (!isCovered) ranges.push(range);
    }
    this.ranges = ranges;
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  /** Whether it has all names of the realm. */
  get isAll(): boolean {
    return this.ranges[0]?.start === this.realm && this.ranges[0].isPrefix;
  }

  has(name: string): boolean {
    // Only the last range that starts before the name can have it, because no range is part of another.
    let [low, high] = [0, this.ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.ranges[middle]?.start ?? '', name) <= 0) low = middle + 1;
      else high = middle;
    }
    const range = this.ranges[low - 1];
    if (range === undefined) return false;
    return range.isPrefix ? name.startsWith(range.start) && this.isInRealm(name) : name === range.start;
  }

  /** Names of no tenant begin with nothing, as all names do. */
  private isInRealm(name: string): boolean {
    return this.realm !== '' || realmIn(name) === '';
  }

  /**
   * A page of a list, with these names alone. Reads no others, except the one after a single name: hidden names cost no
   * time, and the cursor is never one of them.
   *
   * @param field of the page that has the items
   * @param list  reads a part of the list
   */
  async page<Field extends string, Item extends { readonly name: string }>(
    field: Field,
    { prefix = '', cursor, limit }: PageQuery,
    list: (part: PagePart) => Promise<PageOf<Field, Item>>,
  ): Promise<PageOf<Field, Item>> {
    const items: Item[] = [];
    const pageTo = (end: string | null) => ({ [field]: items, cursor: end }) as PageOf<Field, Item>;
    for (const { start, isPrefix } of this.ranges) {
      if (!overlap(start, isPrefix, prefix)) continue;
      if (cursor !== undefined && isBefore(start, isPrefix, cursor)) continue;
      if (items.length === limit) return pageTo(items.at(-1)?.name ?? null);
      const part = { prefix: start.length > prefix.length ? start : prefix, cursor };
      if (isPrefix) {
        const page = await list({ ...part, limit: limit - items.length });
        // Names of tenants come last.
        items.push(...page[field].filter(({ name }) => this.isInRealm(name)));
        if (page.cursor !== null) return pageTo(this.isInRealm(page.cursor) ? page.cursor : null);
      } else {
        const page = await list({ ...part, limit: 1 });
        items.push(...page[field].filter(({ name }) => name === start));
      }
    }
    return pageTo(null);
  }
}

/** What a caller wants of a list. */
export interface PageQuery {
  readonly prefix?: string;
  /** Name after which the page begins. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}
export type PagePart = PageQuery & { readonly prefix: string };
/** `cursor`: null at the end. */
export type PageOf<Field extends string, Item> = Record<Field, Item[]> & { cursor: string | null };

/** In the order of Redis, which is the order of JavaScript for names: they are ASCII. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Whether a range has names that begin with `prefix`. */
const overlap = (start: string, isPrefix: boolean, prefix: string): boolean =>
  start.startsWith(prefix) || (isPrefix && prefix.startsWith(start));

/** Whether no name of a range comes after `cursor`. */
const isBefore = (start: string, isPrefix: boolean, cursor: string): boolean =>
  isPrefix ? cursor > start && !cursor.startsWith(start) : cursor >= start;
