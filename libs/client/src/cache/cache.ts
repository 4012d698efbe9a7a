import type { CacheConfig, Cache as CacheState, Counter, StoredEntry } from '@syncline/contracts';
import { abortable } from '../abortable.js';
import { teller } from '../tell.js';
import type { Transport } from '../transport/transport.js';
import { type Codec, json } from './codec.js';
import { EntryCalls, type SetOptions } from './entry-calls.js';
import type { Flights } from './flights.js';
import { Load, type LoadOptions, type LoadServices } from './load.js';

/** When a value is written at all. */
export interface ConditionalSetOptions extends SetOptions {
  /** Only while the entry has this version. */
  readonly ifVersion?: string;
  /** Only while there is no entry. */
  readonly ifAbsent?: boolean;
}

/** What was stored. `version` is never used again in its cache. */
export type Stored = Readonly<StoredEntry>;
/** A value with its version. */
export interface CacheEntry<Value> {
  readonly value: Value;
  readonly version: string;
}

/** How one cache is used by this process. */
export interface CacheOptions<Value> {
  /** Default: JSON. */
  readonly codec?: Codec<Value>;
  /**
   * Told when a refresh in the background fails, or when a loaded value could not be stored: the caller has its value
   * all the same. What it throws or rejects with is a warning. Default: all are warnings, by `process.emitWarning`.
   */
  readonly onError?: (error: unknown) => void;
}

/** One cache, of values of one type. Calls of one turn of the event loop travel in one request. */
export class Cache<Value = unknown> {
  private readonly path: string;
  private readonly services: LoadServices<Value>;

  /** @internal */
  constructor(
    private readonly transport: Transport,
    flights: Flights,
    readonly name: string,
    options: CacheOptions<Value> = {},
  ) {
    this.path = `/v1/caches/${encodeURIComponent(name)}`;
    this.services = {
      calls: new EntryCalls(transport, this.path),
      flights,
      codec: options.codec ?? json<Value>(),
      onError: teller(options.onError),
    };
  }

  /** The value, or undefined. Never older than any write that was answered before, through whichever node. */
  async get(key: string, signal?: AbortSignal): Promise<Value | undefined> {
    return (await this.getEntry(key, signal))?.value;
  }

  /** The value with its version, for {@link set} with `ifVersion`. */
  async getEntry(key: string, signal?: AbortSignal): Promise<CacheEntry<Value> | undefined> {
    const { calls, codec } = this.services;
    const entry = await abortable(calls.read(key), signal);
    return entry === null ? undefined : { value: codec.decode(entry.bytes), version: entry.version };
  }

  /**
   * Stores a value. When it is answered, no node serves an older one any more.
   *
   * @throws {VersionMismatchError} a condition is not met
   * @throws {PayloadTooLargeError} over `maxEntryBytes`
   * @throws {ConnectionError} with `outcome: 'unknown'`: it may have been stored. It is not repeated: another value may
   *   have followed
   */
  async set(key: string, value: Value, options: ConditionalSetOptions = {}): Promise<Stored> {
    const { calls, codec } = this.services;
    const content = { bytes: codec.encode(value), contentType: codec.contentType };
    return calls.write(key, content, options, options);
  }

  /**
   * Removes an entry. Returns whether there was one: false also when this call removed it, its answer was lost, and it
   * was repeated.
   */
  delete(key: string): Promise<boolean> {
    return this.services.calls.delete(key);
  }

  /**
   * The value, or what `loader` makes of it, stored: of all callers in the cluster one loads while the others wait
   * for it. With `staleMs`, a value whose life is over is returned at once, and one caller refreshes it meanwhile. What
   * was loaded comes back as it would be read: through the codec.
   *
   * @param loader computes the value. What it throws is the caller's, nothing is stored, and those who wait meanwhile
   *   are told: in this process by the same error, elsewhere by a `FillFailedError` with its message. Its signal aborts
   *   when no caller of this process waits any more
   * @throws {ValidationError} an option or the key is not valid: before `loader` is called
   * @throws {FillFailedError} the loader of another process failed
   */
  async getOrSet(
    key: string,
    loader: (signal: AbortSignal) => Value | Promise<Value>,
    options: LoadOptions = {},
  ): Promise<Value> {
    return new Load(this.services, `${this.path} ${key}`, key, loader, options).run();
  }

  /** Invalidates every entry with one of the tags; costs the same for any number of entries. */
  async invalidateTags(...tags: readonly string[]): Promise<void> {
    await this.services.calls.invalidate({ tags });
  }

  /** Invalidates every entry whose key begins so. */
  async invalidatePrefix(prefix: string): Promise<void> {
    await this.services.calls.invalidate({ prefix });
  }

  /**
   * Adds to a number that is stored as text or JSON; an absent one is 0.
   *
   * @throws {NotAnIntegerError} it is none, or the sum would be beyond 2^53 - 1, where JSON rounds
   */
  async increment(key: string, by = 1, options: { readonly ttlMs?: number } = {}): Promise<Counter> {
    return this.services.calls.increment(key, { by, ...options });
  }

  /** Configuration and statistics, of the cluster and of the node that answers. */
  inspect(): Promise<CacheState> {
    return this.transport.json({ method: 'GET', path: this.path, idempotent: true });
  }

  /** Changes the configuration. Fields that are not given get their defaults. */
  async configure(changes: Partial<CacheConfig> = {}): Promise<void> {
    const body = JSON.stringify(changes);
    await this.transport.call({ method: 'PUT', path: this.path, body, idempotent: true });
  }

  /** Removes every entry; the configuration stays. */
  async flush(): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: this.path, idempotent: true });
  }

  /** Removes the cache as a whole, with its configuration and statistics. The next write makes it again. */
  async drop(): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: `${this.path}?drop=true`, idempotent: true });
  }
}
