import { randomUUID } from 'node:crypto';
import type {
  CacheConfig,
  Cache as CacheState,
  Counter,
  Entries,
  FillBody,
  FillResult,
  InvalidateBody,
  StoredEntry,
} from '@syncline/contracts';
import { ValidationError } from '../../errors.js';
import { parse, type Transport } from '../../transport/transport.js';
import type { CachePort, Conditions, Content, Filled, Read, SetOptions } from '../cache-port.js';
import { bytesOf, EntryBatches, MAX_BATCHED_VALUE_BYTES } from './entry-batches.js';
import { entryPath, fitsPath } from './entry-path.js';

/** Returning a fill lease only saves others a wait, so it has a short deadline. */
const RELEASE_WITHIN_MS = 1_000;

/** One cache, at the cache nodes. */
export class HttpCache implements CachePort {
  readonly inProcess = false;
  private readonly path: string;
  private readonly batches: EntryBatches;

  constructor(
    private readonly transport: Transport,
    name: string,
  ) {
    this.path = `/v1/caches/${encodeURIComponent(name)}`;
    this.batches = new EntryBatches(transport, this.path);
  }

  /** The near caches are those of the nodes. */
  peek(): undefined {
    return undefined;
  }

  async read(key: string): Promise<Read> {
    return this.batches.read(key);
  }

  async write(
    key: string,
    content: Content,
    life: SetOptions,
    conditions: Conditions = {},
  ): Promise<StoredEntry> {
    const { ifVersion, ifAbsent = false, fillLease } = conditions;
    const conditional = ifVersion !== undefined || ifAbsent || fillLease !== undefined;
    if (conditional || (content.bytes.length > MAX_BATCHED_VALUE_BYTES && fitsPath(key))) {
      return this.put(key, content, life, {
        ...(ifVersion !== undefined && { 'if-match': `"${ifVersion}"` }),
        ...(ifAbsent && { 'if-none-match': '*' }),
        ...(fillLease !== undefined && { 'x-fill-lease': fillLease }),
      });
    }
    return this.batches.write(key, content, life);
  }

  async delete(key: string): Promise<boolean> {
    return this.batches.delete(key);
  }

  async touch(key: string, ttlMs: number): Promise<StoredEntry> {
    return this.transport.json({
      method: 'POST',
      path: `${entryPath(this.path, key)}/touch`,
      body: JSON.stringify({ ttlMs }),
      idempotent: true,
      affinity: key,
    });
  }

  async increment(key: string, by: number, ttlMs: number | undefined): Promise<Counter> {
    return this.transport.json({
      method: 'POST',
      path: `${entryPath(this.path, key)}/increment`,
      body: JSON.stringify({ by, ttlMs }),
      // A repeated call is answered again, but adds nothing.
      headers: { 'idempotency-key': randomUUID() },
      idempotent: true,
      affinity: key,
    });
  }

  async fill(
    key: string,
    { ttlMs, staleMs, tags }: SetOptions,
    { waitMs, leaseMs }: Pick<FillBody, 'waitMs' | 'leaseMs'>,
    signal: AbortSignal,
  ): Promise<Filled> {
    const startedAt = performance.now();
    const left = () => Math.max(0, Math.round(waitMs - (performance.now() - startedAt)));
    const result = await this.transport.json<FillResult>({
      method: 'POST',
      path: `${entryPath(this.path, key)}/fill`,
      body: () => JSON.stringify({ waitMs: left(), leaseMs, as: 'utf8', ttlMs, staleMs, tags }),
      // If the answer with a lease is lost, others wait until the lease ends.
      idempotent: true,
      affinity: key,
      waitMs,
      signal,
    });
    return { bytes: result.status === 'lease' ? null : bytesOf(result), fillLease: result.fillLease };
  }

  async renewFill(key: string, fillLease: string, leaseMs: number): Promise<void> {
    await this.transport.call({
      method: 'POST',
      path: `${entryPath(this.path, key)}/fill/${fillLease}/renew`,
      body: JSON.stringify({ leaseMs }),
      idempotent: true,
      affinity: key,
    });
  }

  async releaseFill(key: string, fillLease: string, reason: string | undefined): Promise<void> {
    await this.transport.call({
      method: 'DELETE',
      path: `${entryPath(this.path, key)}/fill/${fillLease}`,
      body: JSON.stringify({ reason }),
      idempotent: true,
      affinity: key,
      timeoutMs: RELEASE_WITHIN_MS,
    });
  }

  async invalidate(body: InvalidateBody): Promise<void> {
    await this.transport.call({
      method: 'POST',
      path: `${this.path}/invalidate`,
      body: JSON.stringify(body),
      // A repeated invalidation costs a load, never a wrong value.
      idempotent: true,
      affinity: 0,
    });
  }

  entries(prefix: string): AsyncGenerator<Entries['entries'][number], void, void> {
    return this.transport.list(`${this.path}/entries`, 'entries', { prefix });
  }

  describe(): Promise<CacheState> {
    return this.transport.json({ method: 'GET', path: this.path, idempotent: true });
  }

  async configure(changes: Partial<CacheConfig>): Promise<void> {
    const body = JSON.stringify(changes);
    await this.transport.call({ method: 'PUT', path: this.path, body, idempotent: true });
  }

  async remove(drop: boolean): Promise<void> {
    const path = drop ? `${this.path}?drop=true` : this.path;
    await this.transport.call({ method: 'DELETE', path, idempotent: true });
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
      path: `${entryPath(this.path, key)}?${query}`,
      headers: { ...headers, 'content-type': contentType },
      body: bytes,
      // Not repeated: another write may have come between the two.
      idempotent: false,
      affinity: key,
    });
    return parse<StoredEntry>(answer);
  }
}
