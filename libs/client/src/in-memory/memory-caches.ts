import { randomUUID } from 'node:crypto';
import type { Cluster, Counter, StoredEntry } from '@syncline/contracts';
import type {
  CachePort,
  CachesPort,
  Conditions,
  Content,
  Filled,
  Read,
  SetOptions,
} from '../cache/cache-port.js';
import {
  FillFailedError,
  NotAnIntegerError,
  NotFoundError,
  VersionMismatchError,
  WaitTimeoutError,
} from '../errors.js';
import { implemented } from './implemented.js';

interface Entry {
  readonly bytes: Buffer;
  readonly version: string;
  /** By `Date.now()`, so that fake timers of a test move it. */
  readonly expires: number;
  readonly staleUntil: number;
  readonly tags: readonly string[];
}

/** Who loads an entry, and who waits for it. */
interface Filling {
  readonly lease: string;
  readonly waiters: Set<(failure: string | undefined) => void>;
}

/** Caches of one process: no limits of size, no configuration and no statistics. */
export class MemoryCaches implements Partial<CachesPort> {
  private readonly caches = new Map<string, CachePort>();

  cache(name: string): CachePort {
    const known = this.caches.get(name) ?? implemented<CachePort>('Caches', new MemoryCache());
    this.caches.set(name, known);
    return known;
  }

  async cluster(): Promise<Cluster> {
    return { role: 'cache', nodeId: 'memory', epoch: 1, members: [] };
  }

  async close(): Promise<void> {}
}

class MemoryCache implements Partial<CachePort> {
  readonly inProcess = false;
  private readonly entriesByKey = new Map<string, Entry>();
  private readonly fillings = new Map<string, Filling>();
  private lastVersion = 0;

  peek(): undefined {}

  async read(key: string): Promise<Read> {
    const entry = this.entry(key);
    return entry === undefined || entry.expires <= Date.now()
      ? null
      : { bytes: Buffer.from(entry.bytes), version: entry.version };
  }

  async write(
    key: string,
    { bytes }: Content,
    life: SetOptions,
    { ifVersion, ifAbsent = false, fillLease }: Conditions = {},
  ): Promise<StoredEntry> {
    const current = await this.read(key);
    const isMet =
      (ifVersion === undefined || current?.version === ifVersion) &&
      (!ifAbsent || current === null) &&
      (fillLease === undefined || this.fillings.get(key)?.lease === fillLease);
    if (!isMet) throw refused(VersionMismatchError, 'version-mismatch', 412, 'The condition is not met');
    const { ttlMs, staleMs = 0, tags = [] } = life;
    const expires = ttlMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + ttlMs;
    return this.store(key, { bytes: Buffer.from(bytes), expires, staleUntil: expires + staleMs, tags });
  }

  async delete(key: string): Promise<boolean> {
    const was = (await this.read(key)) !== null;
    this.entriesByKey.delete(key);
    this.endFill(key, undefined);
    return was;
  }

  async touch(key: string, ttlMs: number): Promise<StoredEntry> {
    const entry = this.entry(key);
    if (entry === undefined) throw refused(NotFoundError, 'not-found', 404, 'There is no such entry');
    const expires = Date.now() + ttlMs;
    this.entriesByKey.set(key, { ...entry, expires, staleUntil: expires + entry.staleUntil - entry.expires });
    return { version: entry.version, expiresAt: new Date(expires).toISOString() };
  }

  async increment(key: string, by: number, ttlMs: number | undefined): Promise<Counter> {
    const current = await this.read(key);
    const value = Number(current?.bytes.toString() ?? 0) + by;
    if (!Number.isSafeInteger(value)) {
      throw refused(NotAnIntegerError, 'not-an-integer', 409, 'The value is not an integer');
    }
    const expires = ttlMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + ttlMs;
    const life = current === null ? undefined : this.entry(key);
    const bytes = Buffer.from(String(value));
    const { version } = this.store(key, { ...(life ?? { expires, staleUntil: expires, tags: [] }), bytes });
    return { value, version };
  }

  async fill(
    key: string,
    _: SetOptions,
    { waitMs = 0 }: { readonly waitMs?: number },
    signal: AbortSignal,
  ): Promise<Filled> {
    for (;;) {
      signal.throwIfAborted();
      const entry = this.entry(key);
      const filling = this.fillings.get(key);
      const isFresh = entry !== undefined && entry.expires > Date.now();
      if (isFresh || (entry !== undefined && filling !== undefined)) {
        return { bytes: Buffer.from(entry.bytes), fillLease: undefined };
      }
      if (filling === undefined) {
        const lease = randomUUID();
        this.fillings.set(key, { lease, waiters: new Set() });
        return { bytes: entry === undefined ? null : Buffer.from(entry.bytes), fillLease: lease };
      }
      await this.filled(filling, waitMs, signal);
    }
  }

  async renewFill(): Promise<void> {}

  async releaseFill(key: string, fillLease: string, reason: string | undefined): Promise<void> {
    if (this.fillings.get(key)?.lease === fillLease) this.endFill(key, reason);
  }

  async invalidate({ tags = [], prefix }: { tags?: string[]; prefix?: string }): Promise<void> {
    for (const [key, entry] of this.entriesByKey) {
      if (prefix === undefined ? entry.tags.some((tag) => tags.includes(tag)) : key.startsWith(prefix)) {
        this.entriesByKey.delete(key);
      }
    }
    // What is being loaded may be older than this.
    for (const key of [...this.fillings.keys()]) this.endFill(key, undefined);
  }

  async remove(): Promise<void> {
    await this.invalidate({ prefix: '' });
  }

  private entry(key: string): Entry | undefined {
    const entry = this.entriesByKey.get(key);
    if (entry !== undefined && entry.staleUntil <= Date.now()) this.entriesByKey.delete(key);
    return this.entriesByKey.get(key);
  }

  private store(key: string, entry: Omit<Entry, 'version'>): StoredEntry {
    this.lastVersion = Math.max(this.lastVersion + 1, Date.now() * 1_000);
    const version = String(this.lastVersion);
    const { bytes, expires, staleUntil, tags } = entry;
    this.entriesByKey.set(key, { bytes, expires, staleUntil, tags, version });
    this.endFill(key, undefined);
    return { version, expiresAt: Number.isFinite(expires) ? new Date(expires).toISOString() : null };
  }

  private endFill(key: string, failure: string | undefined): void {
    const filling = this.fillings.get(key);
    this.fillings.delete(key);
    for (const tell of filling?.waiters ?? []) tell(failure);
  }

  private filled({ waiters }: Filling, waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        waiters.delete(tell);
        signal.removeEventListener('abort', abort);
      };
      const tell = (failure: string | undefined) => {
        end();
        if (failure === undefined) resolve();
        else reject(refused(FillFailedError, 'fill-failed', 502, failure));
      };
      const late = () => {
        end();
        reject(refused(WaitTimeoutError, 'wait-timeout', 409, 'The wait is over'));
      };
      const abort = () => {
        end();
        reject(signal.reason);
      };
      const timer = setTimeout(late, waitMs);
      waiters.add(tell);
      signal.addEventListener('abort', abort);
    });
  }
}

function refused<E, Code extends string>(
  Refusal: new (problem: { code: Code; status: number; detail: string }) => E,
  code: Code,
  status: number,
  detail: string,
): E {
  return new Refusal({ code, status, detail });
}
