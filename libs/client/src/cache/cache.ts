import type { CacheConfig, Cache as CacheState, Counter, Entries, StoredEntry } from '@syncline/contracts';
import { abortable } from '../abortable.js';
import { safeReporter } from '../report.js';
import type { Tracing } from '../tracing.js';
import type { CachePort, SetOptions } from './cache-port.js';
import { type Codec, json } from './codec.js';
import { Load, type LoadOptions, type LoadServices } from './load.js';
import type { SharedLoads } from './shared-loads.js';
import { type CacheEntry, Values } from './values.js';

/** Conditions for a write. */
export interface ConditionalSetOptions extends SetOptions {
  /** Write only if the entry has this version. */
  readonly ifVersion?: string;
  /** Write only if there is no entry. */
  readonly ifAbsent?: boolean;
}

/** The result of a write. The cache never uses a `version` again. */
export type Stored = Readonly<StoredEntry>;
/** How this process uses one cache. */
export interface CacheOptions<Value> {
  /** Default: JSON. */
  readonly codec?: Codec<Value>;
  /**
   * Called when a refresh in the background fails, or when a loaded value could not be stored; the caller still gets its
   * value. If `onError` throws or rejects, that becomes a warning. Default: `process.emitWarning` for every error.
   */
  readonly onError?: (error: unknown) => void;
}

/** One cache, of values of one type. The calls of one turn of the event loop are sent in one request. */
export class Cache<Value = unknown> {
  private readonly values: Values<Value>;
  private readonly services: LoadServices<Value>;

  /** @internal */
  constructor(
    private readonly port: CachePort,
    sharedLoads: SharedLoads,
    readonly name: string,
    options: CacheOptions<Value> = {},
    tracing?: Tracing,
  ) {
    const codec = options.codec ?? json<Value>();
    this.values = new Values(port, codec);
    this.services = {
      port,
      sharedLoads,
      tracing,
      cache: name,
      codec,
      values: this.values,
      onError: safeReporter(options.onError),
    };
  }

  /** The value, or undefined. Never older than a write that was answered before, through any node. */
  async get(key: string, signal?: AbortSignal): Promise<Value | undefined> {
    if (signal === undefined) {
      const near = this.port.peek(key);
      if (near !== undefined) return near === null ? undefined : this.values.ofNear(near);
    }
    return (await this.getEntry(key, signal))?.value;
  }

  /** The value with its version, for {@link set} with `ifVersion`. */
  async getEntry(key: string, signal?: AbortSignal): Promise<CacheEntry<Value> | undefined> {
    return (await abortable(this.values.read(key), signal)) ?? undefined;
  }

  /**
   * The value that the memory of this process has, at once: as new as a {@link get} at this moment. Undefined when there is
   * none, when only Redis can tell, and always with an engine that runs in another process: then `get` finds out.
   */
  peek(key: string): Value | undefined {
    const near = this.port.peek(key);
    return near == null ? undefined : this.values.ofNear(near);
  }

  /**
   * Stores a value. Once this is answered, no node serves an older value.
   *
   * @throws {VersionMismatchError} a condition is not met
   * @throws {PayloadTooLargeError} the value is larger than `maxEntryBytes`
   * @throws {ConnectionError} with `outcome: 'unknown'`: the value may have been stored. The client does not repeat the
   *   write, because another write may have followed
   */
  async set(key: string, value: Value, options: ConditionalSetOptions = {}): Promise<Stored> {
    const { codec } = this.services;
    const content = { bytes: codec.encode(value), contentType: codec.contentType };
    return this.port.write(key, content, options, options);
  }

  /**
   * Gives an entry another TTL, from now on: its value and its version stay.
   *
   * @throws {NotFoundError} there is no entry
   */
  touch(key: string, ttlMs: number): Promise<Stored> {
    return this.port.touch(key, ttlMs);
  }

  /**
   * The entries whose key starts with a prefix (default: all), without their values and in no order; fetched page by page.
   * What is there from the beginning to the end is listed; what comes or goes meanwhile may be.
   */
  entries(prefix = ''): AsyncGenerator<Entries['entries'][number], void, void> {
    return this.port.entries(prefix);
  }

  /**
   * Removes an entry. Returns whether there was one. When an answer was lost and the client repeated the call, it may
   * return false although this call removed the entry.
   */
  delete(key: string): Promise<boolean> {
    return this.port.delete(key);
  }

  /**
   * Returns the cached value, or calls `loader` and stores its value. One caller in the cluster loads while the others
   * wait for the value. With `staleMs`, an expired value is returned at once while one caller refreshes it. A loaded
   * value passes through the codec, so it equals what a later read returns.
   *
   * @param loader computes the value. When it throws, nothing is stored; waiting callers of this process get the same
   *   error, those of other processes a `FillFailedError` with its message. Its signal aborts when no caller of this
   *   process is waiting any longer
   * @throws {ValidationError} an option or the key is not valid; `loader` was not called
   * @throws {FillFailedError} the loader of another process failed
   */
  async getOrSet(
    key: string,
    loader: (signal: AbortSignal) => Value | Promise<Value>,
    options: LoadOptions = {},
  ): Promise<Value> {
    const { staleMs, signal } = options;
    const near = this.port.peek(key);
    const isFresh = near != null && (staleMs === undefined || performance.now() < near.freshUntil);
    if (isFresh && !signal?.aborted) return this.values.ofNear(near);
    return new Load(this.services, `${this.name} ${key}`, key, loader, options).run();
  }

  /** Invalidates every entry that has one of the tags. The cost does not depend on the number of entries. */
  async invalidateTags(...tags: readonly string[]): Promise<void> {
    await this.port.invalidate({ tags: [...tags] });
  }

  /** Invalidates every entry whose key starts with the prefix. */
  async invalidatePrefix(prefix: string): Promise<void> {
    await this.port.invalidate({ prefix });
  }

  /**
   * Adds to an integer that is stored as text or JSON. An absent entry counts as 0.
   *
   * @throws {NotAnIntegerError} the value is not an integer, or the sum would exceed 2^53 - 1, where JSON rounds
   */
  async increment(key: string, by = 1, options: { readonly ttlMs?: number } = {}): Promise<Counter> {
    return this.port.increment(key, by, options.ttlMs);
  }

  /** Configuration and statistics of the cluster and of the node that answers. */
  inspect(): Promise<CacheState> {
    return this.port.describe();
  }

  /** Replaces the configuration. Omitted fields get their defaults. */
  async configure(changes: Partial<CacheConfig> = {}): Promise<void> {
    await this.port.configure(changes);
  }

  /** Removes every entry, but keeps the configuration. */
  async flush(): Promise<void> {
    await this.port.remove(false);
  }

  /** Removes the whole cache, with its configuration and statistics. The next write creates it again. */
  async drop(): Promise<void> {
    await this.port.remove(true);
  }
}
