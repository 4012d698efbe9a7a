import { z } from 'zod';
import { MAX_ENTRY_BYTES, ttlMsSchema } from './cache.js';
import { nodeIdSchema } from './cluster.js';
import { nameCursorSchema, namePrefixSchema, nameSchema, nextNameSchema, pageLimitSchema } from './fields.js';

const configFields = {
  defaultTtlMs: ttlMsSchema
    .nullable()
    .describe('TTL of entries that are stored without one, ms; null: for ever'),
  maxEntryBytes: z.int().min(1).max(MAX_ENTRY_BYTES).describe('Largest value'),
  nearCacheBytes: z
    .int()
    .min(0)
    .max(1_073_741_824)
    .describe('Memory in each node, overhead included; a value of more than 1 % of it stays in Redis alone'),
  coherence: z
    .enum(['strict', 'eventual'])
    .describe(
      '`strict`: a read through any node sees every write that was answered; `eventual`: writes do not wait for the near caches of other nodes',
    ),
  maxBytes: z
    .int()
    .min(1)
    .nullable()
    .describe('Keys and values: beyond, a write evicts the least useful entries. Null: no bound'),
  maxEntries: z
    .int()
    .min(1)
    .nullable()
    .describe('Beyond, a write evicts the least useful entries. Null: no bound'),
};
export const cacheConfigSchema = z
  .strictObject({
    defaultTtlMs: configFields.defaultTtlMs.default(null),
    maxEntryBytes: configFields.maxEntryBytes.default(MAX_ENTRY_BYTES),
    nearCacheBytes: configFields.nearCacheBytes.default(67_108_864),
    coherence: configFields.coherence.default('strict'),
    maxBytes: configFields.maxBytes.default(null),
    maxEntries: configFields.maxEntries.default(null),
  })
  .meta({ id: 'CacheConfig', example: { defaultTtlMs: 60000, coherence: 'strict' } });
/**
 * `defaultTtlMs`: TTL of entries that are stored without one; null: for ever. `maxEntryBytes`: largest value.
 * `nearCacheBytes`: memory on each node, including overhead; a value above 1 % of it is kept only in Redis. `coherence`:
 * `strict`, a read through any node sees every write that was answered; `eventual`, writes do not wait for the near caches
 * of other nodes. `maxBytes` (keys and values), `maxEntries`: above these bounds a write evicts the least useful entries;
 * null: no bound; on a Redis Cluster each of 32 parts of the cache keeps within its share, and has room for one entry.
 */
export type CacheConfig = z.infer<typeof cacheConfigSchema>;

const countFields = {
  nearHits: z.int().describe('Reads that the memory of a node answered'),
  storeHits: z.int().describe('Reads that Redis answered'),
  misses: z.int().describe('Reads without an entry'),
  hitRatio: z.number().describe('Hits of both kinds, of all reads'),
  writes: z.int().describe('Entries that were stored'),
  evictions: z.int().describe('Entries that near caches dropped to have room for others'),
  invalidations: z
    .int()
    .describe(
      'Keys, tags, prefixes and whole caches that nodes were told to drop; on a Redis Cluster all but keys count once a part',
    ),
};
const EXAMPLE_COUNTS = {
  nearHits: 900,
  storeHits: 80,
  misses: 20,
  hitRatio: 0.98,
  writes: 30,
  evictions: 0,
  invalidations: 12,
};
export const cacheSchema = z
  .strictObject({
    name: nameSchema,
    ...configFields,
    stats: z
      .strictObject({
        entries: z.int().describe('In Redis'),
        bytes: z.int().describe('Keys and values in Redis'),
        evicted: z.int().describe('Entries that the bounds of the cache removed'),
        ...countFields,
        node: z
          .strictObject({
            nodeId: nodeIdSchema.describe('The node that answers'),
            entries: z.int().describe('In its near cache'),
            bytes: z.int().describe('Of its near cache, overhead included'),
            leased: z.boolean().describe('Whether it may answer reads from memory now'),
            ...countFields,
          })
          .describe('Of this node alone, since it started'),
      })
      .describe('Of all nodes since the cache was first used, at most a second old'),
  })
  .meta({
    id: 'Cache',
    example: {
      name: 'sessions',
      defaultTtlMs: 60000,
      maxEntryBytes: MAX_ENTRY_BYTES,
      nearCacheBytes: 67_108_864,
      coherence: 'strict',
      maxBytes: null,
      maxEntries: 100_000,
      stats: {
        entries: 50,
        bytes: 12_800,
        evicted: 0,
        ...EXAMPLE_COUNTS,
        node: { nodeId: 'cache_1', entries: 40, bytes: 40_000, leased: true, ...EXAMPLE_COUNTS },
      },
    },
  });
/**
 * `stats`: all nodes, since the cache was first used, at most a second old. `entries` and `bytes` (keys and values) count
 * the entries in Redis; `evicted` counts evictions by the bounds of the cache, `evictions` those from near caches.
 * `stats.node`: the node that answers, since it started; `entries` and `bytes` (with overhead) count its near cache.
 */
export type Cache = z.infer<typeof cacheSchema>;

export const deleteCacheQuerySchema = z.strictObject({
  drop: z
    .stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive' })
    .default(false)
    .describe('Remove the cache with its configuration and statistics; else its entries alone'),
});
/** `drop`: remove the whole cache, with its configuration and statistics; else only its entries. */
export type DeleteCacheQuery = z.infer<typeof deleteCacheQuerySchema>;

export const listCachesQuerySchema = z.strictObject({
  prefix: namePrefixSchema,
  cursor: nameCursorSchema,
  limit: pageLimitSchema,
});
export type ListCachesQuery = z.infer<typeof listCachesQuerySchema>;

export const cachesSchema = z
  .strictObject({
    caches: z.array(cacheSchema).describe('In the order of their names'),
    cursor: nextNameSchema,
  })
  .meta({ id: 'Caches', example: { caches: [], cursor: null } });
/** Sorted by name. `cursor`: start of the next page; null at the end. */
export type Caches = z.infer<typeof cachesSchema>;
