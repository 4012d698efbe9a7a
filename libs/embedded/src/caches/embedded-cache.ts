import { randomUUID } from 'node:crypto';
import {
  CachesService,
  EntriesService,
  EntryTooLarge,
  FillsService,
  instantOf,
  type Life,
  UNCONDITIONAL,
} from '@syncline/caches';
import {
  type CachePort,
  type Conditions,
  type Content,
  type Filled,
  itemsOf,
  type NearRead,
  type Read,
  type SetOptions,
} from '@syncline/client/ports';
import {
  type Cache,
  type CacheConfig,
  type Counter,
  cacheConfigSchema,
  cacheKeySchema,
  checked,
  contentTypeSchema,
  type Entries,
  endFillBodySchema,
  entryLifeFields,
  type FillBody,
  fillBodySchema,
  fillLeaseIdSchema,
  type InvalidateBody,
  incrementBodySchema,
  invalidateBodySchema,
  listEntriesQuerySchema,
  MAX_ENTRY_BYTES,
  nameSchema,
  pathKeySchema,
  renewFillBodySchema,
  type StoredEntry,
  touchBodySchema,
} from '@syncline/contracts';
import { z } from 'zod';
import type { Calls } from '../engine/calls.js';
import type { Engine } from '../engine/engine.js';

const putSchema = z.strictObject({ contentType: contentTypeSchema, ...entryLifeFields });

/** One cache, in the engine of this process. */
export class EmbeddedCache implements CachePort {
  readonly inProcess = true;
  private readonly calls: Calls;
  private readonly entriesOf: EntriesService;
  private readonly fills: FillsService;
  private readonly caches: CachesService;

  constructor(
    engine: Engine,
    private readonly name: string,
  ) {
    this.calls = engine.calls;
    this.entriesOf = engine.get(EntriesService);
    this.fills = engine.get(FillsService);
    this.caches = engine.get(CachesService);
  }

  peek(key: string): NearRead | null | undefined {
    // What is held was read under a valid name and key.
    return this.entriesOf.peek(this.name, key);
  }

  async read(key: string): Promise<Read> {
    mustBeText(key);
    const { entry } = await this.calls.call(() => this.entriesOf.get(this.cache, known(key), false));
    // Readers of one turn share what Redis answered.
    return entry && { version: entry.version, bytes: Buffer.from(entry.bytes) };
  }

  async write(
    key: string,
    { bytes, contentType }: Content,
    { ttlMs, staleMs, tags }: SetOptions,
    conditions: Conditions = {},
  ): Promise<StoredEntry> {
    mustBeText(key);
    // The caller may change its bytes once it has called.
    const value = typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes);
    const { ifVersion, ifAbsent = false, fillLease = '' } = conditions;
    const isConditional = ifVersion !== undefined || ifAbsent || fillLease !== '';
    const required = {
      ifMatch: ifVersion === undefined ? '' : versionOf(ifVersion),
      ifNoneMatch: ifAbsent ? '*' : '',
      fillLease,
    };
    return this.calls.call(
      async () => {
        const put = checked(putSchema, { contentType, ttlMs, staleMs, tags }, 'options');
        if (value.length > MAX_ENTRY_BYTES) throw new EntryTooLarge(MAX_ENTRY_BYTES);
        const at = isConditional ? inPath(key) : known(key);
        return stored(await this.entriesOf.put(this.cache, at, { ...put, bytes: value }, required));
      },
      // Another write may have come between the two.
      { repeatable: false },
    );
  }

  async delete(key: string): Promise<boolean> {
    mustBeText(key);
    return this.calls.call(() => this.entriesOf.delete(this.cache, known(key), UNCONDITIONAL));
  }

  touch(key: string, ttlMs: number): Promise<StoredEntry> {
    return this.calls.call(async () => {
      const touch = checked(touchBodySchema, { ttlMs }, 'body');
      return stored(await this.entriesOf.touch(this.cache, inPath(key), touch.ttlMs));
    });
  }

  increment(key: string, by: number, ttlMs: number | undefined): Promise<Counter> {
    // A repeated call is answered again, but adds nothing.
    const id = randomUUID();
    return this.calls.call(() => {
      const increment = checked(incrementBodySchema, { by, ttlMs }, 'body');
      return this.entriesOf.increment(this.cache, inPath(key), increment.by, increment.ttlMs, id);
    });
  }

  async fill(
    key: string,
    { ttlMs, staleMs, tags }: SetOptions,
    { waitMs, leaseMs }: Pick<FillBody, 'waitMs' | 'leaseMs'>,
    signal: AbortSignal,
  ): Promise<Filled> {
    const { body } = await this.calls.park(
      (disconnect, leftMs) => {
        const fill = checked(fillBodySchema, { waitMs: leftMs, leaseMs, ttlMs, staleMs, tags }, 'body');
        return this.fills.fill(this.cache, inPath(key), fill, disconnect);
      },
      { waitMs, signal },
    );
    return { bytes: body.entry?.bytes ?? null, fillLease: body.fillLease ?? undefined };
  }

  async renewFill(key: string, fillLease: string, leaseMs: number): Promise<void> {
    await this.calls.call(() => {
      const renewal = checked(renewFillBodySchema, { leaseMs }, 'body');
      return this.fills.renew(this.cache, inPath(key), leaseId(fillLease), renewal.leaseMs);
    });
  }

  async releaseFill(key: string, fillLease: string, reason: string | undefined): Promise<void> {
    await this.calls.call(() => {
      const end = checked(endFillBodySchema, { reason }, 'body');
      return this.fills.end(this.cache, inPath(key), leaseId(fillLease), end.reason);
    });
  }

  async invalidate(body: InvalidateBody): Promise<void> {
    await this.calls.call(() =>
      this.caches.invalidate(this.cache, checked(invalidateBodySchema, body, 'body')),
    );
  }

  entries(prefix: string): AsyncGenerator<Entries['entries'][number], void, void> {
    return itemsOf('entries', (from) =>
      this.calls.call(async () => {
        const query = checked(listEntriesQuerySchema, { prefix, ...from }, 'query');
        const page = await this.entriesOf.list(this.cache, query.prefix, query.cursor, query.limit);
        const entries = page.entries.map((entry) => ({ ...entry, expiresAt: instantOf(entry.expiresAt) }));
        return { entries, cursor: page.cursor };
      }),
    );
  }

  describe(): Promise<Cache> {
    return this.calls.call(() => this.caches.describe(this.cache));
  }

  async configure(changes: Partial<CacheConfig>): Promise<void> {
    await this.calls.call(() =>
      this.caches.configure(this.cache, checked(cacheConfigSchema, changes, 'body')),
    );
  }

  async remove(drop: boolean): Promise<void> {
    await this.calls.call(() => this.caches.remove(this.cache, drop));
  }

  /** @throws ValidationFailed */
  private get cache(): string {
    return checked(nameSchema, this.name, 'cache');
  }
}

function mustBeText(key: string): void {
  if (typeof key !== 'string') throw new TypeError('The key of an entry must be a string');
}

const known = (key: string): string => checked(cacheKeySchema, key, 'key');
/** Over HTTP these calls have the key in their path: what is refused there is refused here. */
const inPath = (key: string): string => checked(pathKeySchema, key, 'key');
const leaseId = (lease: string): string => checked(fillLeaseIdSchema, lease, 'fillLease');

/** A version is a number: any other text is one that no entry has. */
const versionOf = (version: string): string => (/^\d+$/.test(version) ? version : '0');

const stored = ({ version, expiresAt }: Life): StoredEntry => ({
  version,
  expiresAt: instantOf(expiresAt),
});
