import { randomUUID } from 'node:crypto';
import type {
  Counter,
  DeletedEntries,
  Encoding,
  FillBody,
  FillResult,
  ReadEntries,
  StoredEntry,
  WrittenEntries,
} from '@syncline/contracts';
import { NotFoundError, toError, ValidationError } from '../errors.js';
import { Collector } from '../transport/collector.js';
import { runOrOneByOne } from '../transport/one-by-one.js';
import { parse, type Transport } from '../transport/transport.js';

/** Most keys or entries in one request, and most bytes: below the body limit of 1 MiB. */
const MAX_ITEMS = 1_000;
const MAX_BATCH_BYTES = 900_000;
/** Larger values are sent alone, as raw bytes. */
const MAX_BATCHED_VALUE_BYTES = 65_536;
const MAX_KEY_LENGTH = 1_024;
/** Returning a fill lease only saves others a wait, so it has a short deadline. */
const RELEASE_WITHIN_MS = 1_000;

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

interface Write {
  readonly key: string;
  readonly text: string;
}

/** The calls for entries of one cache. The calls of one turn of the event loop are sent in one request. */
export class EntryCalls {
  // One collector for each node: a key always goes to the same node, so that only one node keeps it in memory.
  private readonly reads: readonly Collector<string, Read>[];
  private readonly writes: readonly Collector<Write, StoredEntry>[];
  private readonly deletes: readonly Collector<string, boolean>[];

  /** @param path of the cache */
  constructor(
    private readonly transport: Transport,
    private readonly path: string,
  ) {
    const collectors = <Item, Result>(
      run: (items: readonly Item[], slot: number) => Promise<readonly (Result | Error)[]>,
    ) =>
      Array.from(
        { length: transport.slots },
        (_, slot) =>
          new Collector<Item, Result>({
            maxItems: MAX_ITEMS,
            maxBytes: MAX_BATCH_BYTES,
            inSequence: () => true,
            run: (items) => runOrOneByOne(items, (some) => run(some, slot)),
          }),
      );
    this.reads = collectors((keys, slot) => this.readAll(keys, slot));
    this.writes = collectors((writes, slot) => this.writeAll(writes, slot));
    this.deletes = collectors((keys, slot) => this.deleteAll(keys, slot));
  }

  async read(key: string): Promise<Read> {
    return this.at(this.reads, key).add(key, keyBytes(key));
  }

  async write(
    key: string,
    content: Content,
    life: SetOptions,
    conditions: Conditions = {},
  ): Promise<StoredEntry> {
    const { bytes, contentType } = content;
    const { ifVersion, ifAbsent = false, fillLease } = conditions;
    const conditional = ifVersion !== undefined || ifAbsent || fillLease !== undefined;
    if (conditional || (bytes.length > MAX_BATCHED_VALUE_BYTES && fitsPath(key))) {
      return this.put(key, content, life, {
        ...(ifVersion !== undefined && { 'if-match': `"${ifVersion}"` }),
        ...(ifAbsent && { 'if-none-match': '*' }),
        ...(fillLease !== undefined && { 'x-fill-lease': fillLease }),
      });
    }
    const { ttlMs, staleMs, tags } = life;
    const rest = JSON.stringify({ key, contentType, ttlMs, staleMs, tags });
    const text = `${rest.slice(0, -1)},${wireValue(bytes)}}`;
    return this.at(this.writes, key).add({ key, text }, Buffer.byteLength(text) + 1);
  }

  async delete(key: string): Promise<boolean> {
    return this.at(this.deletes, key).add(key, keyBytes(key));
  }

  async touch(key: string, ttlMs: number): Promise<StoredEntry> {
    return this.transport.json({
      method: 'POST',
      path: `${this.entryPath(key)}/touch`,
      body: JSON.stringify({ ttlMs }),
      idempotent: true,
      affinity: key,
    });
  }

  async increment(key: string, body: { by: number; ttlMs?: number }): Promise<Counter> {
    return this.transport.json({
      method: 'POST',
      path: `${this.entryPath(key)}/increment`,
      body: JSON.stringify(body),
      // A repeated call is answered again, but adds nothing.
      headers: { 'idempotency-key': randomUUID() },
      idempotent: true,
      affinity: key,
    });
  }

  /** @param life TTL and tags for the later write: the node validates them before anybody computes the value */
  async fill(
    key: string,
    { ttlMs, staleMs, tags }: SetOptions,
    { waitMs, leaseMs }: Pick<FillBody, 'waitMs' | 'leaseMs'>,
    signal: AbortSignal,
  ): Promise<FillResult> {
    const startedAt = performance.now();
    const left = () => Math.max(0, Math.round(waitMs - (performance.now() - startedAt)));
    return this.transport.json<FillResult>({
      method: 'POST',
      path: `${this.entryPath(key)}/fill`,
      body: () => JSON.stringify({ waitMs: left(), leaseMs, as: 'utf8', ttlMs, staleMs, tags }),
      // If the answer with a lease is lost, others wait until the lease ends.
      idempotent: true,
      affinity: key,
      waitMs,
      signal,
    });
  }

  async renewFill(key: string, fillLease: string, leaseMs: number): Promise<void> {
    await this.transport.call({
      method: 'POST',
      path: `${this.entryPath(key)}/fill/${fillLease}/renew`,
      body: JSON.stringify({ leaseMs }),
      idempotent: true,
      affinity: key,
    });
  }

  /** @param reason sent to the waiting callers; without one, the first of them computes the value */
  async releaseFill(key: string, fillLease: string, reason: string | undefined): Promise<void> {
    await this.transport.call({
      method: 'DELETE',
      path: `${this.entryPath(key)}/fill/${fillLease}`,
      body: JSON.stringify({ reason }),
      idempotent: true,
      affinity: key,
      timeoutMs: RELEASE_WITHIN_MS,
    });
  }

  async invalidate(body: { tags: readonly string[] } | { prefix: string }): Promise<void> {
    await this.post('invalidate', body, 0);
  }

  private async put(
    key: string,
    { bytes, contentType }: Content,
    { ttlMs, staleMs, tags = [] }: SetOptions,
    headers: Record<string, string>,
  ): Promise<StoredEntry> {
    // Commas separate the tags in the query.
    const odd = tags.find((tag) => tag.includes(','));
    if (odd !== undefined) throw ValidationError.local('tags', `a tag must not contain a comma: ${odd}`);
    const query = new URLSearchParams();
    if (ttlMs !== undefined) query.set('ttlMs', String(ttlMs));
    if (staleMs !== undefined) query.set('staleMs', String(staleMs));
    if (tags.length > 0) query.set('tags', tags.join(','));
    const answer = await this.transport.call({
      method: 'PUT',
      path: `${this.entryPath(key)}?${query}`,
      headers: { ...headers, 'content-type': contentType },
      body: bytes,
      // Not repeated: another write may have come between the two.
      idempotent: false,
      affinity: key,
    });
    return parse<StoredEntry>(answer);
  }

  /** @throws {ValidationError} the key cannot stand in a path */
  private entryPath(key: string): string {
    if (!fitsPath(key)) {
      throw ValidationError.local(
        'key',
        'expected 1 to 1,024 bytes of well-formed text, other than . and .. in this call',
      );
    }
    return `${this.path}/entries/${encodeURIComponent(key)}`;
  }

  private post<T>(verb: string, body: object | string, slot: number, idempotent = true): Promise<T> {
    return this.transport.json({
      method: 'POST',
      path: `${this.path}/${verb}`,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      // A repeated delete or invalidation costs a load, never a wrong value.
      idempotent,
      affinity: slot,
    });
  }

  private at<T>(collectors: readonly T[], key: string): T {
    if (typeof key !== 'string') throw new TypeError('The key of an entry must be a string');
    return collectors[this.transport.slotOf(key)] as T;
  }

  private async readAll(keys: readonly string[], slot: number): Promise<(Read | Error)[]> {
    const [only = ''] = keys;
    if (keys.length === 1 && fitsPath(only)) return [await this.readOne(only)];
    const read = new Map<unknown, Read | Error>();
    let remaining = [...new Set(keys)];
    // An answer may be truncated or have errors for some keys, but it resolves at least one key.
    while (remaining.length > 0) {
      const { entries, truncated = [] } = await this.post<ReadEntries>(
        'mget',
        { keys: remaining, as: 'utf8' },
        slot,
      );
      remaining = truncated;
      for (const entry of entries) {
        if (!('problem' in entry)) read.set(entry.key, entry.found ? readOf(entry) : null);
        else if (entry.status >= 500) remaining.push(entry.key as string);
        else read.set(entry.key, toError(entry.status, entry.problem));
      }
    }
    return keys.map((key) => read.get(key) ?? null);
  }

  private async readOne(key: string): Promise<Read> {
    const path = this.entryPath(key);
    try {
      const answer = await this.transport.call({ method: 'GET', path, idempotent: true, affinity: key });
      // The answer to a GET always has bytes, never parsed JSON.
      return { bytes: answer.body as Buffer, version: String(answer.headers.etag).slice(1, -1) };
    } catch (error) {
      if (error instanceof NotFoundError) return null;
      throw error;
    }
  }

  private async writeAll(writes: readonly Write[], slot: number): Promise<(StoredEntry | Error)[]> {
    const body = `{"entries":[${writes.map(({ text }) => text).join(',')}]}`;
    const { results } = await this.post<WrittenEntries>('mset', body, slot, false);
    return results.map((result) =>
      'problem' in result
        ? toError(result.status, result.problem)
        : { version: result.version, expiresAt: result.expiresAt },
    );
  }

  private async deleteAll(keys: readonly string[], slot: number): Promise<(boolean | Error)[]> {
    const { results } = await this.post<DeletedEntries>('mdelete', { keys }, slot);
    return results.map((result) =>
      'problem' in result ? toError(result.status, result.problem) : result.status === 'deleted',
    );
  }
}

/** Whether a key can be part of a path. URL normalisation removes . and .. from paths. */
const fitsPath = (key: string): boolean =>
  key !== '' && key !== '.' && key !== '..' && key.length <= MAX_KEY_LENGTH && !/\p{Cs}/u.test(key);

const keyBytes = (key: string) => Buffer.byteLength(key) + 3;

interface WireValue {
  readonly value?: unknown;
  readonly encoding?: Encoding | undefined;
}

/** The bytes of a value that was requested as `utf8`. */
export const bytesOf = ({ value, encoding }: WireValue): Buffer =>
  Buffer.from(String(value), encoding === 'base64' ? 'base64' : 'utf8');

const readOf = (entry: WireValue & { readonly version?: string | undefined }): Read => ({
  bytes: bytesOf(entry),
  version: String(entry.version),
});

const wireValue = (bytes: string | Uint8Array): string =>
  typeof bytes === 'string'
    ? `"encoding":"utf8","value":${JSON.stringify(bytes)}`
    : `"encoding":"base64","value":"${Buffer.from(bytes).toString('base64')}"`;
