import { Injectable } from '@nestjs/common';
import { EventLog, Membership } from '@syncline/cluster';
import {
  type Cache,
  type CacheConfig,
  type Caches,
  type Coherence,
  cacheConfigSchema,
  type InvalidateBody,
  type Invalidated,
  type ListCachesQuery,
} from '@syncline/contracts';
import { Replicas } from '../coherence/replicas.js';
import { Writer } from '../entries/writer.js';
import { CachesStore } from '../redis/caches.store.js';
import * as operations from '../redis/operations.js';
import { CacheMetrics } from '../statistics/cache-metrics.js';
import { hitRatioOf, Statistics } from '../statistics/statistics.js';

const DEFAULTS: CacheConfig = cacheConfigSchema.parse({});
/** Caches that a listing asks for at once: one script for them in each shard. */
const LISTED_AT_ONCE = 100;

type Described = Awaited<ReturnType<CachesStore['describe']>>[number];

/** What concerns a cache as a whole: configuration, statistics, invalidation of many entries at once. */
@Injectable()
export class CachesService {
  constructor(
    private readonly store: CachesStore,
    private readonly writer: Writer,
    private readonly replicas: Replicas,
    private readonly statistics: Statistics,
    private readonly membership: Membership,
    private readonly events: EventLog,
    private readonly metrics: CacheMetrics,
  ) {}

  /** A cache that nobody made has the defaults. */
  async describe(cache: string): Promise<Cache> {
    const [described] = (await this.lookAt([cache])) as [Described];
    return this.toCache(described);
  }

  /** Of all caches, in this node. */
  async coherence(): Promise<Coherence> {
    return { nodeId: this.membership.nodeId, ...(await this.metrics.coherence()) };
  }

  private async lookAt(caches: readonly string[]): Promise<readonly Described[]> {
    await Promise.all(caches.map((cache) => this.statistics.send(cache)));
    return this.store.describe(caches);
  }

  private toCache(described: Described): Cache {
    const { name: cache, entries, bytes, counts, ...configured } = described;
    const ofCluster = this.statistics.ofCluster(counts);
    const ofNode = this.statistics.ofNode(cache);
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
          ...this.replicas.describe(cache),
          ...ofNode,
          hitRatio: hitRatioOf(ofNode),
        },
      },
    };
  }

  /** Caches that were ever written to or configured, by name, after `cursor`. */
  async list({ prefix, cursor, limit }: ListCachesQuery): Promise<Caches> {
    const names = await this.store.names.page(prefix, cursor, limit + 1);
    const page = names.slice(0, limit);
    const described = [];
    for (let at = 0; at < page.length; at += LISTED_AT_ONCE) {
      described.push(...(await this.lookAt(page.slice(at, at + LISTED_AT_ONCE))));
    }
    // One that does not exist was dropped since, or is on the list of an earlier version.
    const caches = described.filter(({ exists }) => exists).map((cache) => this.toCache(cache));
    return { caches, cursor: names.length > limit ? (page.at(-1) ?? null) : null };
  }

  async configure(cache: string, config: CacheConfig): Promise<Cache> {
    await this.writer.configure(cache, config);
    return this.describe(cache);
  }

  /** Invalidates all entries with any of the tags, or with the prefix. Costs the same for any number of entries. */
  async invalidate(cache: string, { tags = [], prefix }: InvalidateBody): Promise<Invalidated> {
    const covering =
      prefix === undefined
        ? [...new Set(tags)].map(operations.invalidateTag)
        : [operations.invalidatePrefix(prefix)];
    const done = await Promise.all(covering.map((operation) => this.writer.writeAll(cache, operation)));
    // More than a cache remembers until it is swept: then all of it goes.
    if (done.flat().includes(false)) await this.writer.writeAll(cache, operations.flush());
    return { invalidated: covering.length };
  }

  /** Removes all entries; with `drop` the configuration and the statistics too. */
  async remove(cache: string, drop: boolean): Promise<void> {
    await (drop ? this.writer.drop(cache) : this.writer.writeAll(cache, operations.flush()));
    this.events.append({ type: 'flushed', name: cache });
  }
}
