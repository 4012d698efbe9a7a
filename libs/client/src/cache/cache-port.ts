import type {
  CacheConfig,
  Cache as CacheState,
  Caches,
  Cluster,
  Counter,
  Entries,
  FillBody,
  InvalidateBody,
  StoredEntry,
} from '@syncline/contracts';

/** TTL and tags of a value. */
export interface SetOptions {
  /** TTL of the entry, whole milliseconds. Default: the TTL of the cache. */
  readonly ttlMs?: number;
  /** How long after `ttlMs` the entry is still served as stale while one caller refreshes it. Default 0. */
  readonly staleMs?: number;
  /** `invalidateTags` invalidates all entries with a tag at once. At most 32 tags, without commas. */
  readonly tags?: readonly string[];
}

/** Bytes of an entry with their content type. */
export interface Content {
  readonly bytes: string | Uint8Array;
  readonly contentType: string;
}

/** Conditions for a write. */
export interface Conditions {
  readonly ifVersion?: string | undefined;
  readonly ifAbsent?: boolean | undefined;
  readonly fillLease?: string;
}

/** Bytes with their version, or null for an absent entry. */
export type Read = { readonly bytes: Buffer; readonly version: string } | null;

/** An entry in the memory of this process: the same object at each hit, until the entry is dropped. */
export interface NearRead {
  readonly bytes: Buffer;
  readonly version: string;
  /** When its TTL is over, by `performance.now()`. */
  readonly freshUntil: number;
  /** What was attached. */
  readonly attachment: unknown;
  /** Keeps something beside the bytes. @param bytes that it takes of the near cache; without room for them it is not kept */
  attach(attachment: unknown, bytes: number): void;
}

/** A value, the right to compute it, or both: a stale value and the right to refresh it. */
export interface Filled {
  readonly bytes: Buffer | null;
  readonly fillLease: string | undefined;
}

/** The operations on one cache, wherever its engine runs. What is refused is an error of this client. */
export interface CachePort {
  /** Whether the engine runs in this process: then callers can share what is in its memory. */
  readonly inProcess: boolean;
  /** What memory may answer with at this moment: null when there is no entry, undefined when it cannot tell. */
  peek(key: string): NearRead | null | undefined;
  /** The bytes are those of this caller alone. */
  read(key: string): Promise<Read>;
  write(key: string, content: Content, life: SetOptions, conditions?: Conditions): Promise<StoredEntry>;
  /** Whether there was an entry. */
  delete(key: string): Promise<boolean>;
  touch(key: string, ttlMs: number): Promise<StoredEntry>;
  increment(key: string, by: number, ttlMs: number | undefined): Promise<Counter>;
  /** @param life TTL and tags for the later write: they are validated before anybody computes the value */
  fill(
    key: string,
    life: SetOptions,
    times: Pick<FillBody, 'waitMs' | 'leaseMs'>,
    signal: AbortSignal,
  ): Promise<Filled>;
  renewFill(key: string, fillLease: string, leaseMs: number): Promise<void>;
  /** @param reason sent to the waiting callers; without one, the first of them computes the value */
  releaseFill(key: string, fillLease: string, reason: string | undefined): Promise<void>;
  invalidate(body: InvalidateBody): Promise<void>;
  entries(prefix: string): AsyncGenerator<Entries['entries'][number], void, void>;
  describe(): Promise<CacheState>;
  configure(changes: Partial<CacheConfig>): Promise<void>;
  /** Removes every entry. @param drop the configuration and the statistics too */
  remove(drop: boolean): Promise<void>;
}

/** All caches of a deployment. */
export interface CachesPort {
  cache(name: string): CachePort;
  list(): AsyncGenerator<Caches['caches'][number], void, void>;
  cluster(): Promise<Cluster>;
  close(): Promise<void>;
}
