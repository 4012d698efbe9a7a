import { Inject, Injectable } from '@nestjs/common';
import { type Cache, type CacheConfig, cacheConfigSchema } from '@syncline/contracts';
import { NODE_CONFIG, type NodeConfig } from '@syncline/http';
import { EntriesStore } from './entries.store.js';
import { Replicas } from './replicas.js';
import { hitRatioOf, Statistics } from './statistics.js';
import { Writer } from './writer.js';

const DEFAULTS: CacheConfig = cacheConfigSchema.parse({});

/** What concerns a cache as a whole: configuration, statistics, invalidation of many entries at once. */
@Injectable()
export class CachesService {
  constructor(
    private readonly store: EntriesStore,
    private readonly writer: Writer,
    private readonly replicas: Replicas,
    private readonly statistics: Statistics,
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
  ) {}

  /** A cache that nobody made has the defaults. */
  async describe(cache: string): Promise<Cache> {
    await this.statistics.send(cache);
    const { entries, bytes, counts, ...configured } = await this.store.describe(cache);
    const ofCluster = this.statistics.ofCluster(counts);
    const ofNode = this.statistics.ofNode(cache);
    const replica = this.replicas.peek(cache);
    return {
      name: cache,
      defaultTtlMs: configured.defaultTtlMs,
      maxEntryBytes: configured.maxEntryBytes ?? DEFAULTS.maxEntryBytes,
      nearCacheBytes: configured.nearCacheBytes ?? DEFAULTS.nearCacheBytes,
      coherence: configured.coherence === 'eventual' ? 'eventual' : 'strict',
      stats: {
        entries,
        bytes,
        ...ofCluster,
        hitRatio: hitRatioOf(ofCluster),
        node: {
          nodeId: this.config.nodeId,
          entries: replica?.near.count ?? 0,
          bytes: Math.ceil(replica?.near.bytes ?? 0),
          leased: replica?.isLeased ?? false,
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
    const caches = await Promise.all(page.map((name) => this.describe(name)));
    return { caches, cursor: from + limit < names.length ? (page.at(-1) ?? null) : null };
  }

  async configure(cache: string, config: CacheConfig): Promise<Cache> {
    const { defaultTtlMs, maxEntryBytes, nearCacheBytes, coherence } = config;
    await this.writer.write(cache, {
      register: '*',
      arguments: ['configure', defaultTtlMs ?? '', maxEntryBytes, nearCacheBytes, coherence],
    });
    return this.describe(cache);
  }

  /** Invalidates all entries with any of the tags. Costs the same for any number of entries. */
  async invalidateTags(cache: string, tags: readonly string[]): Promise<number> {
    const distinct = [...new Set(tags)];
    const results = await Promise.all(
      distinct.map((tag) => this.writer.write(cache, { register: `t${tag}`, arguments: ['tag', tag] })),
    );
    // More tags than a cache remembers the invalidation of: then all of it goes.
    if (results.some(([outcome]) => outcome === 'full')) await this.flush(cache);
    return distinct.length;
  }

  /** Invalidates all entries whose key begins with the prefix. */
  async invalidatePrefix(cache: string, prefix: string): Promise<number> {
    await this.writer.write(cache, { register: '*', arguments: ['prefix', prefix] });
    return 1;
  }

  async flush(cache: string): Promise<void> {
    await this.writer.write(cache, { register: '*', arguments: ['flush'] });
  }
}
