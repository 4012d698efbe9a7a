import { buffer } from 'node:stream/consumers';
import { ReadableStream } from 'node:stream/web';
import { isBuilding } from './environment.js';
import { keyOf } from './keys.js';
import { Moments } from './moments.js';
import type { NextCacheOptions } from './options.js';
import { type SharedCache, sharedCache } from './shared-cache.js';

/** A result of `'use cache'`, as Next gives it and gets it back. Times in seconds. */
export interface ComponentCacheEntry {
  readonly value: ReadableStream<Uint8Array>;
  readonly tags: string[];
  readonly stale: number;
  /** When its computation began, by the clock of this process, in milliseconds. */
  readonly timestamp: number;
  readonly expire: number;
  readonly revalidate: number;
}

/** A handler of `cacheHandlers` in Next's configuration. */
export interface ComponentCacheHandler {
  /** Undefined while the cache is out of reach, too. */
  get(key: string, softTags: readonly string[]): Promise<ComponentCacheEntry | undefined>;
  /** What fails or is too large is not kept; a warning of the process says so. */
  set(key: string, pending: Promise<ComponentCacheEntry>): Promise<void>;
  refreshTags(): Promise<void>;
  getExpiration(tags: readonly string[]): Promise<number>;
  /** @throws when nobody can say whether they are revalidated on all replicas */
  updateTags(tags: readonly string[]): Promise<void>;
}

/**
 * The object for `cacheHandlers` in Next's configuration: results of `'use cache'` in a cache of Syncline. While `next build`
 * runs it keeps nothing. Keys are those of Next: whether they tell deployments apart is up to it.
 */
export const componentCacheHandler = (options: NextCacheOptions): ComponentCacheHandler =>
  isBuilding() ? NO_HANDLER : new ProcessHandler(sharedCache(options));

/** The bytes of an entry, and the rest of it. */
type Kept = Omit<ComponentCacheEntry, 'value'> & { readonly bytes: Uint8Array };

class ProcessHandler implements ComponentCacheHandler {
  private readonly moments = new Moments();
  /** What is being stored: who looks for it waits, as Next asks. */
  private readonly pending = new Map<string, Promise<void>>();

  constructor(private readonly cache: SharedCache) {}

  async get(key: string, softTags: readonly string[]): Promise<ComponentCacheEntry | undefined> {
    await this.pending.get(key);
    const kept = await this.cache.attempt((cache) => cache.read<Kept>(keyOf('use', key), softTags));
    if (kept === undefined) return undefined;
    const { bytes, ...entry } = kept;
    return { ...entry, value: streamOf(bytes) };
  }

  async set(key: string, pending: Promise<ComponentCacheEntry>): Promise<void> {
    const storing = this.store(key, pending).catch((error) => {
      process.emitWarning(`A result of 'use cache' is not kept: ${error}`, 'SynclineWarning');
    });
    this.pending.set(key, storing);
    await storing;
    if (this.pending.get(key) === storing) this.pending.delete(key);
  }

  /** Next calls it before the first look of a request, and so before anything is computed. */
  async refreshTags(): Promise<void> {
    const moment = await this.cache.attempt((cache) => cache.now());
    if (moment !== undefined) this.moments.add(moment);
  }

  /** Infinity: `get` judges these tags. */
  async getExpiration(): Promise<number> {
    return Infinity;
  }

  async updateTags(tags: readonly string[]): Promise<void> {
    await this.cache.revalidate(tags);
  }

  private async store(key: string, pending: Promise<ComponentCacheEntry>): Promise<void> {
    const { value, ...entry } = await pending;
    const begun = this.moments.knownAt(entry.timestamp);
    const kept: Kept = { ...entry, bytes: await buffer(value) };
    if (begun === undefined) return;
    const life = { tags: entry.tags, begun, expire: entry.expire };
    await this.cache.attempt((cache) => cache.write(keyOf('use', key), kept, life));
  }
}

const streamOf = (bytes: Uint8Array) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });

/** While `next build` runs. */
const NO_HANDLER: ComponentCacheHandler = {
  get: async () => undefined,
  set: async () => {},
  refreshTags: async () => {},
  getExpiration: async () => Infinity,
  updateTags: async () => {},
};
