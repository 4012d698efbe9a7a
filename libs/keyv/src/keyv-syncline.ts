import { EventEmitter } from 'node:events';
import { type Cache, type CacheClient, text } from '@syncline/client';
import type { KeyvStoreAdapter, StoredData } from 'keyv';
import { entryKey, namespacePrefix } from './entry-key.js';

/** Longest life of an entry: one year. Keyv's own expiry, which it stores with the value, may be later. */
const MAX_TTL_MS = 31_536_000_000;

/**
 * A store for Keyv in one cache of Syncline. A read, through whichever process, is never older than a write that was
 * answered.
 *
 * As Keyv has it, a failure is an `error` event: a read that failed is a miss, a write that failed is `false`. With
 * Keyv's `throwOnErrors`, `get`, `set`, `delete` and `clear` throw as well.
 *
 * Keyv makes `setMany` and `deleteMany` out of `set` and `delete`, and so says for each entry whether it was stored; the
 * calls of one turn travel in one request all the same. There is no `iterator`: the keys of a cache cannot be listed.
 */
export class KeyvSyncline extends EventEmitter implements KeyvStoreAdapter {
  /** Set by Keyv. */
  namespace: string | undefined;
  readonly opts: { readonly dialect: 'syncline'; readonly cache: string };
  private readonly cache: Cache<string>;

  /**
   * @param caches a `CacheClient` or a `Syncline`. Who made it closes it: it may have other users
   * @param name of the cache. Its configuration holds: entries without a TTL get its `defaultTtlMs`
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
      // Keyv tells nobody of it.
      this.emit('error', error);
      throw error;
    }
  }

  async getMany<Value>(keys: string[]): Promise<StoredData<Value | undefined>[]> {
    const reads = await Promise.allSettled(keys.map((key) => this.read<Value>(key)));
    const failures = reads.flatMap((read) => (read.status === 'rejected' ? [read.reason] : []));
    // Keys of one request have one error.
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
    if (typeof value !== 'string')
      throw new TypeError('A value that Keyv did not serialize cannot be stored');
    // Keyv counts in fractions too, and below zero.
    const ttlMs = ttl === undefined ? undefined : Math.min(Math.max(Math.ceil(ttl), 1), MAX_TTL_MS);
    await this.cache.set(entryKey(key, this.namespace), value, ttlMs === undefined ? {} : { ttlMs });
  }

  /** Whether there was such an entry. */
  delete(key: string): Promise<boolean> {
    return this.cache.delete(entryKey(key, this.namespace));
  }

  /** The entries of the namespace; without one, all entries of the cache. Costs the same for any number. */
  async clear(): Promise<void> {
    if (this.namespace) await this.cache.invalidatePrefix(namespacePrefix(this.namespace));
    else await this.cache.flush();
  }

  private read<Value>(key: string): Promise<StoredData<Value> | undefined> {
    return this.cache.get(entryKey(key, this.namespace)) as Promise<StoredData<Value> | undefined>;
  }
}
