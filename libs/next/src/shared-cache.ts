import { PayloadTooLargeError, Syncline } from '@syncline/client';
import type { NextCacheOptions } from './options.js';
import { TaggedCache } from './tagged-cache.js';

/** A cache that takes longer to answer counts as away. */
const AWAY_AFTER_MS = 1_000;
/** So long nobody asks it again. */
const PAUSE_MS = 1_000;

/** The cache that the handlers of a process share, and whether it is within reach. */
export class SharedCache {
  private connecting: Promise<TaggedCache> | undefined;
  private pausedUntil = 0;
  private isAway = false;

  /** Connects at once, so that the first request need not wait. */
  constructor(private readonly options: NextCacheOptions) {
    // The first request says what is wrong.
    this.connected().catch(() => undefined);
  }

  /**
   * What `work` returns; undefined while the cache is out of reach, which a warning of the process says once.
   *
   * @throws {PayloadTooLargeError} a value is too large to be kept
   */
  async attempt<Result>(work: (cache: TaggedCache) => Promise<Result>): Promise<Result | undefined> {
    if (performance.now() < this.pausedUntil) return undefined;
    try {
      const result = await inTime(this.connected().then(work));
      this.isAway = false;
      return result;
    } catch (error) {
      if (error instanceof PayloadTooLargeError) throw error;
      this.pausedUntil = performance.now() + PAUSE_MS;
      if (!this.isAway) warn(`Next renders without the cache, which is out of reach: ${error}`);
      this.isAway = true;
      return undefined;
    }
  }

  /** @throws when nobody can say whether the entries with these tags are revalidated in all processes */
  async revalidate(tags: readonly string[]): Promise<void> {
    await (await this.connected()).revalidate(tags);
  }

  /** From then on nothing is found or kept, and revalidations fail. */
  async close(): Promise<void> {
    await (await this.connecting)?.close();
  }

  private connected(): Promise<TaggedCache> {
    this.connecting ??= connect(this.options).catch((error) => {
      this.connecting = undefined;
      throw error;
    });
    return this.connecting;
  }
}

async function connect({ syncline: given, name = 'next' }: NextCacheOptions): Promise<TaggedCache> {
  if (!('redis' in given)) return new TaggedCache(new Syncline(given), name);
  // Only those who ask for it need to have it.
  const { embed } = await import('@syncline/embedded');
  return new TaggedCache(await embed({ name: 'next', roles: ['cache'], ...given }), name);
}

async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`it did not answer within ${AWAY_AFTER_MS} ms`);
    timer = setTimeout(() => reject(error), AWAY_AFTER_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

const warn = (message: string) => process.emitWarning(message, 'SynclineWarning');

/** In the process, not in this module: Next may bundle a second copy of it into a route. */
const REGISTRY = Symbol.for('@syncline/next');
const inProcess = globalThis as { [REGISTRY]?: Map<string, SharedCache> };

/** All caches of this process. */
export const sharedCaches = (): Map<string, SharedCache> => (inProcess[REGISTRY] ??= new Map());

/** The cache of these options: handlers with the same ones share it. */
export function sharedCache(options: NextCacheOptions): SharedCache {
  const id = JSON.stringify(options);
  const known = sharedCaches().get(id);
  if (known !== undefined) return known;
  const made = new SharedCache(options);
  sharedCaches().set(id, made);
  return made;
}
