import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deploymentId, isBuilding } from './environment.js';
import { keyOf } from './keys.js';
import type { NextCacheOptions } from './options.js';
import { type SharedCache, sharedCache } from './shared-cache.js';
import type { Moment } from './tagged-cache.js';

/** What Next gives to a handler when it makes one for a request. */
export interface CacheHandlerContext {
  readonly dev?: boolean;
  readonly serverDistDir?: string;
}

/** What Next says of a value that it looks for. */
export interface GetContext {
  readonly tags?: readonly string[];
  readonly softTags?: readonly string[];
}

/** In seconds. */
export interface CacheControl {
  readonly revalidate?: number | false;
  readonly expire?: number | undefined;
}

/** What Next says of a value that it stores. */
export interface SetContext {
  readonly tags?: readonly string[];
  readonly cacheControl?: CacheControl | undefined;
}

/** A value as Next gets it back. Next knows what is in it. */
export interface CacheHandlerValue {
  /** By the clock of the server that stored it, in milliseconds. */
  readonly lastModified: number;
  readonly value: unknown;
  readonly cacheControl?: CacheControl | undefined;
}

/** The handler of one request, of `cacheHandler` in Next's configuration. */
export interface CacheHandler {
  /** Null while the cache is out of reach, too. */
  get(key: string, context?: GetContext): Promise<CacheHandlerValue | null>;
  /** @throws {PayloadTooLargeError} Next says so in its log, and renders again for each request */
  set(key: string, value: unknown, context?: SetContext): Promise<void>;
  /** @throws when nobody can say whether it is revalidated on all replicas */
  revalidateTag(tags: string | readonly string[]): Promise<void>;
  resetRequestCache(): void;
}

/** What Next makes for each request. */
export type CacheHandlerClass = new (context: CacheHandlerContext) => CacheHandler;

/**
 * The class for `cacheHandler` in Next's configuration: pages, routes and `fetch` in a cache of Syncline. While `next build`
 * runs it keeps nothing. A deployment does not see what another one stored; revalidations hold for all of them.
 */
export function cacheHandler(options: NextCacheOptions): CacheHandlerClass {
  if (isBuilding()) return NoHandler;
  const cache = sharedCache(options);
  const builds = new Map<string, string>();
  const buildOf = ({ dev, serverDistDir = '' }: CacheHandlerContext) => {
    const build = builds.get(serverDistDir) ?? (dev ? 'dev' : readBuild(serverDistDir));
    builds.set(serverDistDir, build);
    return build;
  };
  return class extends RequestHandler {
    constructor(context: CacheHandlerContext) {
      super(cache, buildOf(context));
    }
  };
}

/** Next makes one for each request. */
class RequestHandler implements CacheHandler {
  /** Of the first look: nothing that this request computes began before. Undefined when the cache was out of reach. */
  private begun: Promise<Moment | undefined> | undefined;

  constructor(
    private readonly cache: SharedCache,
    private readonly build: string,
  ) {}

  async get(key: string, { tags = [], softTags = [] }: GetContext = {}): Promise<CacheHandlerValue | null> {
    this.begun ??= this.cache.attempt((cache) => cache.now());
    const reading = this.cache.attempt((cache) =>
      cache.read<CacheHandlerValue>(this.keyOf(key), [...tags, ...softTags]),
    );
    const [found] = await Promise.all([reading, this.begun]);
    return found ?? null;
  }

  async set(key: string, value: unknown, { tags = [], cacheControl }: SetContext = {}): Promise<void> {
    const begun = await this.begun;
    if (begun === undefined) return;
    const stored: CacheHandlerValue = { lastModified: Date.now(), value, cacheControl };
    const life = { tags: [...tags, ...tagsIn(value)], begun, expire: cacheControl?.expire };
    await this.cache.attempt((cache) => cache.write(this.keyOf(key), stored, life));
  }

  async revalidateTag(tags: string | readonly string[]): Promise<void> {
    await this.cache.revalidate([tags].flat());
  }

  /** Each request has a handler of its own. */
  resetRequestCache(): void {}

  private keyOf(key: string): string {
    return keyOf('page', `${this.build}:${key}`);
  }
}

/** While `next build` runs. */
class NoHandler implements CacheHandler {
  async get(): Promise<null> {
    return null;
  }
  async set(): Promise<void> {}
  async revalidateTag(): Promise<void> {}
  resetRequestCache(): void {}
}

const TAGS_HEADER = 'x-next-cache-tags';

/** A page and a route have their tags in a header. */
function tagsIn(value: unknown): string[] {
  const { headers } = (value ?? {}) as { readonly headers?: Readonly<Record<string, unknown>> };
  const tags = headers?.[TAGS_HEADER];
  return typeof tags === 'string' ? tags.split(',') : [];
}

/** With a `deploymentId` Next may give all builds one id. */
const readBuild = (serverDistDir: string): string =>
  `${readFileSync(join(serverDistDir, '..', 'BUILD_ID'), 'utf8').trim()}:${deploymentId()}`;
