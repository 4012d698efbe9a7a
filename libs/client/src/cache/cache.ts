import { randomUUID } from 'node:crypto';
import type {
  CacheConfig,
  Cache as CacheState,
  Counter,
  DeletedEntries,
  FillResult,
  ReadEntries,
  StoredEntry,
  WrittenEntries,
} from '@syncline/contracts';
import { abortable } from '../abortable.js';
import { NotFoundError, toError, VersionMismatchError, WaitTimeoutError } from '../errors.js';
import { Collector } from '../transport/collector.js';
import { parse, type Transport } from '../transport/transport.js';
import { type Codec, json } from './codec.js';

/** Most keys or entries in one request, and most bytes: below the limit of a body, 1 MiB. */
const MAX_ITEMS = 1_000;
const MAX_BATCH_BYTES = 900_000;
/** Larger values travel alone, as the bytes that they are. */
const MAX_BATCHED_VALUE_BYTES = 65_536;
const FILL_WAIT_MS = 10_000;

/** How long a value lives, and what it goes with. */
export interface SetOptions {
  /** Life of the entry. Default: that of the cache. */
  readonly ttlMs?: number;
  /** For how long after `ttlMs` it is still served, as stale, while one caller refreshes it. Default 0. */
  readonly staleMs?: number;
  /** Entries with a tag go together, by `invalidateTags`. At most 32. */
  readonly tags?: readonly string[];
}

/** When a value is written at all. */
export interface ConditionalSetOptions extends SetOptions {
  /** Only while the entry has this version. */
  readonly ifVersion?: string;
  /** Only while there is no entry. */
  readonly ifAbsent?: boolean;
}

/** How a value that is absent is loaded. */
export interface LoadOptions extends SetOptions {
  /** How long to wait while somebody else loads. Then this caller loads for itself. Default 10,000. */
  readonly waitMs?: number;
  /** How long a loader may take before somebody else may load too; what it then returns is not stored. Default 5,000. */
  readonly leaseMs?: number;
  readonly signal?: AbortSignal;
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
   * all the same. Default: `process.emitWarning`.
   */
  readonly onError?: (error: unknown) => void;
}

interface Write {
  readonly key: string;
  readonly text: string;
}
/** Bytes with their version, or null for an absent entry. */
type Read = { readonly bytes: Buffer; readonly version: string } | null;
type WireValue = Pick<ReadEntries['entries'][number], 'value' | 'encoding'>;
type WriteResult = WrittenEntries['results'][number];

/** One cache, of values of one type. Calls of one turn of the event loop travel in one request. */
export class Cache<Value = unknown> {
  private readonly path: string;
  private readonly codec: Codec<Value>;
  private readonly onError: (error: unknown) => void;
  // One of each for every node: a key always goes to the same node, so that it is in one memory, not in all.
  private readonly reads: readonly Collector<string, Read>[];
  private readonly writes: readonly Collector<Write, Stored>[];
  private readonly deletes: readonly Collector<string, boolean>[];

  /** @internal */
  constructor(
    private readonly transport: Transport,
    readonly name: string,
    options: CacheOptions<Value> = {},
  ) {
    this.path = `/v1/caches/${encodeURIComponent(name)}`;
    this.codec = options.codec ?? json<Value>();
    this.onError =
      options.onError ?? ((error) => process.emitWarning(error instanceof Error ? error : String(error)));
    const collectors = <Item, Result>(
      run: (items: readonly Item[], slot: number) => Promise<readonly (Result | Error)[]>,
    ) =>
      Array.from(
        { length: transport.slots },
        (_, slot) =>
          new Collector<Item, Result>({
            maxItems: MAX_ITEMS,
            maxBytes: MAX_BATCH_BYTES,
            together: () => true,
            run: (items) => run(items, slot),
          }),
      );
    this.reads = collectors((keys, slot) => this.readAll(keys, slot));
    this.writes = collectors((writes, slot) => this.writeAll(writes, slot));
    this.deletes = collectors(async (keys, slot) => {
      const { results } = await this.post<DeletedEntries>('mdelete', { keys }, slot);
      return results.map(({ status }) => status === 'deleted');
    });
  }

  /** The value, or undefined. Never older than any write that was answered before, through whichever node. */
  async get(key: string, signal?: AbortSignal): Promise<Value | undefined> {
    return (await this.getEntry(key, signal))?.value;
  }

  /** The value with its version, for {@link set} with `ifVersion`. */
  async getEntry(key: string, signal?: AbortSignal): Promise<CacheEntry<Value> | undefined> {
    const entry = await abortable(this.at(this.reads, key).add(key, keyBytes(key)), signal);
    return entry === null ? undefined : { value: this.codec.decode(entry.bytes), version: entry.version };
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
    const { ifVersion, ifAbsent, ttlMs, staleMs, tags } = options;
    const encoded = this.codec.encode(value);
    const alone = ifVersion !== undefined || ifAbsent || encoded.length > MAX_BATCHED_VALUE_BYTES;
    if (alone) {
      return this.put(key, encoded, options, {
        ...(ifVersion !== undefined && { 'if-match': `"${ifVersion}"` }),
        ...(ifAbsent && { 'if-none-match': '*' }),
      });
    }
    const rest = JSON.stringify({ key, contentType: this.codec.contentType, ttlMs, staleMs, tags });
    const text = `${rest.slice(0, -1)},${wireValue(encoded)}}`;
    return this.at(this.writes, key).add({ key, text }, Buffer.byteLength(text) + 1);
  }

  /**
   * Removes an entry. Returns whether there was one: false also when this call removed it, its answer was lost, and it
   * was repeated.
   */
  delete(key: string): Promise<boolean> {
    return this.at(this.deletes, key).add(key, keyBytes(key));
  }

  /**
   * The value, or what `loader` makes of it, stored: of all callers in the cluster one loads while the others wait
   * for it. With `staleMs`, a value whose life is over is returned at once, and one caller refreshes it meanwhile.
   *
   * @param loader computes the value; its error is the caller's, and nothing is stored
   */
  async getOrSet(
    key: string,
    loader: (signal: AbortSignal) => Value | Promise<Value>,
    options: LoadOptions = {},
  ): Promise<Value> {
    const { signal = new AbortController().signal } = options;
    signal.throwIfAborted();
    if (options.staleMs === undefined) {
      const known = await this.getEntry(key, signal);
      if (known !== undefined) return known.value;
    }
    const fill = await this.fill(key, options);
    if (fill === null) return loader(signal);
    const { status, fillLease } = fill;
    if (status === 'lease') return this.load(key, loader, options, fillLease as string, signal);
    if (fillLease !== undefined) {
      // Its own signal: the caller has its answer and may go.
      void this.load(key, loader, options, fillLease, new AbortController().signal).catch(this.onError);
    }
    return this.codec.decode(bytesOf(fill));
  }

  /** Invalidates every entry with one of the tags; costs the same for any number of entries. */
  async invalidateTags(...tags: readonly string[]): Promise<void> {
    await this.post('invalidate', { tags }, 0);
  }

  /** Invalidates every entry whose key begins so. */
  async invalidatePrefix(prefix: string): Promise<void> {
    await this.post('invalidate', { prefix }, 0);
  }

  /** Adds to a number that is stored as text or JSON; an absent one is 0. @throws {NotAnIntegerError} */
  increment(key: string, by = 1, options: { readonly ttlMs?: number } = {}): Promise<Counter> {
    return this.transport.json({
      method: 'POST',
      path: `${this.entryPath(key)}/increment`,
      body: JSON.stringify({ by, ...options }),
      // The node remembers the id: a repetition is answered, not added.
      headers: { 'x-request-id': randomUUID() },
      idempotent: true,
      affinity: key,
    });
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

  /** Removes every entry. */
  async flush(): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: this.path, idempotent: true });
  }

  private async load(
    key: string,
    loader: (signal: AbortSignal) => Value | Promise<Value>,
    options: LoadOptions,
    fillLease: string,
    signal: AbortSignal,
  ): Promise<Value> {
    const value = await loader(signal);
    const encoded = this.codec.encode(value);
    try {
      await this.put(key, encoded, options, { 'x-fill-lease': fillLease });
    } catch (error) {
      // Somebody wrote or invalidated meanwhile, or we took too long: the value is right for us, but not to be kept.
      if (!(error instanceof VersionMismatchError)) this.onError(error);
    }
    return value;
  }

  /** Null: the wait for somebody else's value took too long. */
  private async fill(key: string, options: LoadOptions): Promise<FillResult | null> {
    const { waitMs = FILL_WAIT_MS, leaseMs, signal } = options;
    const startedAt = performance.now();
    const left = () => Math.max(0, Math.round(waitMs - (performance.now() - startedAt)));
    try {
      return await this.transport.json<FillResult>({
        method: 'POST',
        path: `${this.entryPath(key)}/fill`,
        body: () => JSON.stringify({ waitMs: left(), leaseMs }),
        // A lease whose answer is lost runs out: others wait for that long at most.
        idempotent: true,
        affinity: key,
        waitMs,
        signal,
      });
    } catch (error) {
      if (error instanceof WaitTimeoutError) return null;
      throw error;
    }
  }

  private async put(
    key: string,
    encoded: string | Uint8Array,
    options: SetOptions,
    headers: Record<string, string>,
  ): Promise<Stored> {
    const query = new URLSearchParams();
    if (options.ttlMs !== undefined) query.set('ttlMs', String(options.ttlMs));
    if (options.staleMs !== undefined) query.set('staleMs', String(options.staleMs));
    if (options.tags !== undefined && options.tags.length > 0) query.set('tags', options.tags.join(','));
    const answer = await this.transport.call({
      method: 'PUT',
      path: `${this.entryPath(key)}?${query}`,
      headers: { ...headers, 'content-type': this.codec.contentType },
      body: encoded,
      // Twice is not once: another value may have come between the two.
      idempotent: false,
      affinity: key,
    });
    return parse<Stored>(answer);
  }

  private entryPath(key: string): string {
    return `${this.path}/entries/${encodeURIComponent(key)}`;
  }

  private post<T>(verb: string, body: object | string, slot: number, idempotent = true): Promise<T> {
    return this.transport.json({
      method: 'POST',
      path: `${this.path}/${verb}`,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      // A deletion or invalidation too many costs a load, not a wrong value.
      idempotent,
      affinity: slot,
    });
  }

  private at<T>(collectors: readonly T[], key: string): T {
    return collectors[this.transport.slotOf(key)] as T;
  }

  private async readAll(keys: readonly string[], slot: number): Promise<Read[]> {
    const [only] = keys;
    if (keys.length === 1 && only !== undefined) return [await this.read(only)];
    const { entries } = await this.post<ReadEntries>('mget', { keys: [...new Set(keys)] }, slot);
    const byKey = new Map(
      entries.map((entry) => [
        entry.key,
        entry.found ? { bytes: bytesOf(entry), version: entry.version as string } : null,
      ]),
    );
    return keys.map((key) => byKey.get(key) ?? null);
  }

  private async read(key: string): Promise<Read> {
    const path = this.entryPath(key);
    try {
      const answer = await this.transport.call({ method: 'GET', path, idempotent: true, affinity: key });
      // A GET always brings bytes.
      return { bytes: answer.body as Buffer, version: String(answer.headers.etag).slice(1, -1) };
    } catch (error) {
      if (error instanceof NotFoundError) return null;
      throw error;
    }
  }

  private async writeAll(writes: readonly Write[], slot: number): Promise<(Stored | Error)[]> {
    const body = `{"entries":[${writes.map(({ text }) => text).join(',')}]}`;
    const { results } = await this.post<{ results: WriteResult[] }>('mset', body, slot, false);
    return results.map(({ status, version, expiresAt, code, detail }) => {
      if (status === 'refused') return toError(409, { code, detail, status: 409 });
      return { version: version as string, expiresAt: expiresAt ?? null };
    });
  }
}

const bytesOf = ({ value, encoding }: WireValue): Buffer =>
  encoding === 'json' ? Buffer.from(JSON.stringify(value)) : Buffer.from(String(value), encoding);

const keyBytes = (key: string) => Buffer.byteLength(key) + 3;

const wireValue = (encoded: string | Uint8Array): string =>
  typeof encoded === 'string'
    ? `"encoding":"utf8","value":${JSON.stringify(encoded)}`
    : `"encoding":"base64","value":"${Buffer.from(encoded).toString('base64')}"`;
