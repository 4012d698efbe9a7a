import type { RedisClient } from './connection/connection.js';
import { pageAfter } from './pages.js';
import { storeError } from './store-unavailable.js';

/** A part of `count`, the same for a name on all nodes. FNV-1a of 32 bits; names are ASCII. */
export function partOf(name: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % count;
}

/** Where names are kept: sorted sets of Redis, in lexicographic order. */
export interface NamePlaces {
  /** Each name lies in one of these, by {@link partOf}: on a Redis Cluster in several slots. */
  readonly parts: readonly string[];
  /** What an earlier version kept: nothing is added to it. */
  readonly former: string | null;
}

/** Names in their order, such as those of all queues. Throws StoreUnavailable when Redis cannot be reached. */
export class Names {
  constructor(
    private readonly redis: Pick<RedisClient, 'zadd' | 'zrem' | 'zrange' | 'zmscore'>,
    private readonly places: NamePlaces,
  ) {}

  /** The key that has a name. */
  keyOf(name: string): string {
    return this.places.parts[partOf(name, this.places.parts.length)] as string;
  }

  async add(name: string): Promise<void> {
    await this.redis.zadd(this.keyOf(name), 0, name).catch(fail);
  }

  async remove(name: string): Promise<void> {
    const { former } = this.places;
    const keys = [this.keyOf(name), ...(former === null ? [] : [former])];
    await Promise.all(keys.map((key) => this.redis.zrem(key, name))).catch(fail);
  }

  /** All keys that have names. */
  get keys(): readonly string[] {
    const { parts, former } = this.places;
    return former === null ? parts : [...parts, former];
  }

  /** Names by the key that has, or would have, them. */
  byKey(names: readonly string[]): Map<string, string[]> {
    const byKey = new Map<string, string[]>();
    for (const name of names) {
      const key = this.keyOf(name);
      const some = byKey.get(key);
      if (some === undefined) byKey.set(key, [name]);
      else some.push(name);
    }
    return byKey;
  }

  /** Those of some names that a key has. */
  async among(key: string, names: readonly string[]): Promise<string[]> {
    const scores = await this.redis.zmscore(key, ...names).catch(fail);
    return names.filter((_, i) => scores[i] !== null);
  }

  /** At most `limit` names with a prefix in order, after `after`; of all keys, or of some. */
  async page(
    prefix: string,
    after: string | null | undefined,
    limit: number,
    keys: readonly string[] = this.keys,
  ): Promise<string[]> {
    const { from, to } = pageAfter(prefix, after);
    const pages = await Promise.all(
      keys.map((key) => this.redis.zrange(key, from, to, 'BYLEX', 'LIMIT', 0, limit)),
    ).catch(fail);
    return [...new Set(pages.flat())].sort().slice(0, limit);
  }

  /** Adds up something of all names with a prefix; `parts`: how many they are. */
  async sum(
    prefix: string,
    sizeOf: (name: string) => Promise<number>,
  ): Promise<{ total: number; parts: number }> {
    const sum = { total: 0, parts: 0 };
    for (let last: string | null = null; ; ) {
      const names: string[] = await this.page(prefix, last, PAGE_OF_SUM);
      for (const size of await Promise.all(names.map(sizeOf)).catch(fail)) sum.total += size;
      sum.parts += names.length;
      if (names.length < PAGE_OF_SUM) return sum;
      last = names.at(-1) ?? null;
    }
  }
}

/** Small: on a Redis Cluster the size of a cache is 32 commands, and what else is asked for must not wait for all of them. */
const PAGE_OF_SUM = 50;

const fail = (error: unknown): never => {
  throw storeError(error);
};
