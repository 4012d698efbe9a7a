import { EventEmitter } from 'node:events';
import { type Cache, type CacheClient, text } from '@syncline/client';
import type { KeyvStoreAdapter, StoredData } from 'keyv';
import { entryKey, namespacePrefix } from './entry-key.js';

/** Longest TTL of an entry: one year. The expiry that Keyv stores with the value may be later. */
const MAX_TTL_MS = 31_536_000_000;

/**
 * A Keyv store in one Syncline cache. A read in any process never returns a value older than a write that was answered.
 *
 * As usual for Keyv, a failure is an `error` event: a failed read counts as a miss, and a failed write returns `false`.
 * With Keyv's `throwOnErrors`, `get`, `set`, `delete` and `clear` throw as well.
 *
 * Keyv implements `setMany` and `deleteMany` by `set` and `delete`, so it reports the outcome of each entry; the calls of
 * one turn are still sent in one request. There is no `iterator`, because the keys of a cache cannot be listed.
 */
export class KeyvSyncline extends EventEmitter implements KeyvStoreAdapter {
  /** Set by Keyv. */
  namespace: string | undefined;
  readonly opts: { readonly dialect: 'syncline'; readonly cache: string };
  private readonly cache: Cache<string>;

  /**
   * @param caches a `CacheClient` or a `Syncline`. The store does not close it, because it may have other users
   * @param name of the cache. Entries without a TTL get its `defaultTtlMs`
   */
  constructor(caches: Pick<CacheClient, 'cache'>, name: string) {
    super();
    this.opts = { dialect: 'syncline', cache: name };
    this.cache = caches.cache(name, { codec: text });
  }

  async get<Value>(key: string): Promise<StoredData<Value> | undefined> {
    try {
      return await this.read<Value>(key);
    } catch (error) {
      // Keyv does not report this error itself.
      this.emit('error', error);
      throw error;
    }
  }

  async getMany<Value>(keys: string[]): Promise<StoredData<Value | undefined>[]> {
    const reads = await Promise.allSettled(keys.map((key) => this.read<Value>(key)));
    const failures = reads.flatMap((read) => (read.status === 'rejected' ? [read.reason] : []));
    // A failed request is one error for all its keys.
    for (const error of new Set(failures)) this.emit('error', error);
    return reads.map((read) => (read.status === 'fulfilled' ? read.value : undefined));
  }

  async has(key: string): Promise<boolean> {
    const [found = false] = await this.hasMany([key]);
    return found;
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return (await this.getMany(keys)).map((value) => value !== undefined);
  }

  /** @param ttl in milliseconds */
  async set(key: string, value: unknown, ttl?: number): Promise<void> {
    if (typeof value !== 'string') throw new TypeError('The value is not a string: Keyv must serialize it');
    // Keyv may pass fractions and negative numbers.
    const ttlMs = ttl === undefined ? undefined : Math.min(Math.max(Math.ceil(ttl), 1), MAX_TTL_MS);
    await this.cache.set(entryKey(key, this.namespace), value, ttlMs === undefined ? {} : { ttlMs });
  }

  /** Returns whether there was an entry. */
  delete(key: string): Promise<boolean> {
    return this.cache.delete(entryKey(key, this.namespace));
  }

  /** Removes all entries of the namespace, or of the cache without one. The cost does not depend on their number. */
  async clear(): Promise<void> {
    if (this.namespace) await this.cache.invalidatePrefix(namespacePrefix(this.namespace));
    else await this.cache.flush();
  }

  private read<Value>(key: string): Promise<StoredData<Value> | undefined> {
    return this.cache.get(entryKey(key, this.namespace)) as Promise<StoredData<Value> | undefined>;
  }
}
