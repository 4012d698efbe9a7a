import { Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { type Cache, type CacheConfig, cacheConfigSchema } from '@syncline/contracts';
import { Replicas } from '../coherence/replicas.js';
import { Writer } from '../entries/writer.js';
import { EntriesStore } from '../redis/entries.store.js';
import { hitRatioOf, Statistics } from '../statistics/statistics.js';

const DEFAULTS: CacheConfig = cacheConfigSchema.parse({});

/** What concerns a cache as a whole: configuration, statistics, invalidation of many entries at once. */
@Injectable()
export class CachesService {
  constructor(
    private readonly store: EntriesStore,
    private readonly writer: Writer,
    private readonly replicas: Replicas,
    private readonly statistics: Statistics,
    private readonly membership: Membership,
  ) {}

  /** A cache that nobody made has the defaults. */
  async describe(cache: string): Promise<Cache> {
    return this.toCache(cache, await this.lookAt(cache));
  }

  private async lookAt(cache: string): ReturnType<EntriesStore['describe']> {
    await this.statistics.send(cache);
    return this.store.describe(cache);
  }

  private toCache(cache: string, described: Awaited<ReturnType<EntriesStore['describe']>>): Cache {
    const { entries, bytes, counts, ...configured } = described;
    const ofCluster = this.statistics.ofCluster(counts);
    const ofNode = this.statistics.ofNode(cache);
    const near = this.replicas.replica.nearOf(cache);
    return {
      name: cache,
      defaultTtlMs: configured.defaultTtlMs,
      maxEntryBytes: configured.maxEntryBytes ?? DEFAULTS.maxEntryBytes,
      nearCacheBytes: configured.nearCacheBytes ?? DEFAULTS.nearCacheBytes,
      coherence: configured.coherence === 'eventual' ? 'eventual' : 'strict',
      maxBytes: configured.maxBytes,
      maxEntries: configured.maxEntries,
      stats: {
        entries,
        bytes,
        evicted: counts.get('evicted') ?? 0,
        ...ofCluster,
        hitRatio: hitRatioOf(ofCluster),
        node: {
          nodeId: this.membership.nodeId,
          entries: near?.count ?? 0,
          bytes: near?.bytes ?? 0,
          leased: this.replicas.replica.isLeased,
          ...ofNode,
          hitRatio: hitRatioOf(ofNode),
        },
      },
    };
  }

  /** Caches that were ever written to or configured, by name, after `cursor`. */
  async list(cursor: string | undefined, limit: number): Promise<{ caches: Cache[]; cursor: string | null }> {
    const names = (await this.store.names()).sort();
    const from = cursor === undefined ? 0 : names.findIndex((name) => name > cursor);
    if (from === -1) return { caches: [], cursor: null };
    const page = names.slice(from, from + limit);
    const described = await Promise.all(page.map(async (name) => ({ name, ...(await this.lookAt(name)) })));
    // Dropped while somebody who took it off the list died; or about to be made, and then put on the list again.
    const gone = described.filter(({ exists }) => !exists);
    await Promise.all(gone.map(({ name }) => this.store.removeName(name)));
    const caches = described.filter(({ exists }) => exists).map((cache) => this.toCache(cache.name, cache));
    return { caches, cursor: from + limit < names.length ? (page.at(-1) ?? null) : null };
  }

  async configure(cache: string, config: CacheConfig): Promise<Cache> {
    const { defaultTtlMs, maxEntryBytes, nearCacheBytes, coherence, maxBytes, maxEntries } = config;
    const bounds = [maxBytes ?? '', maxEntries ?? ''];
    await this.writer.write(cache, {
      register: '*',
      arguments: ['configure', defaultTtlMs ?? '', maxEntryBytes, nearCacheBytes, coherence, ...bounds],
    });
    return this.describe(cache);
  }

  /** Invalidates all entries with any of the tags. Costs the same for any number of entries. */
  async invalidateTags(cache: string, tags: readonly string[]): Promise<number> {
    const distinct = [...new Set(tags)];
    const results = await Promise.all(
      distinct.map((tag) => this.writer.write(cache, { register: `t${tag}`, arguments: ['tag', tag] })),
    );
    // More than a cache remembers until it is swept: then all of it goes.
    if (results.some(([outcome]) => outcome === 'full')) await this.flush(cache);
    return distinct.length;
  }

  /** Invalidates all entries whose key begins with the prefix. */
  async invalidatePrefix(cache: string, prefix: string): Promise<number> {
    const operation = { register: `p${prefix}`, arguments: ['prefix', prefix] };
    const [outcome] = await this.writer.write(cache, operation);
    if (outcome === 'full') await this.flush(cache);
    return 1;
  }

  async flush(cache: string): Promise<void> {
    await this.writer.write(cache, { register: '*', arguments: ['flush'] });
  }

  /** Removes the cache with its configuration and its statistics. */
  async drop(cache: string): Promise<void> {
    await this.writer.write(cache, { register: '*', arguments: ['drop'] });
    await this.store.removeName(cache);
    // Somebody may have made it anew meanwhile.
    if ((await this.store.describe(cache)).exists) await this.store.addName(cache);
  }
}
