import { cacheKey, clockKey, formerInstanceKeys, instanceFactsKey, instanceKey } from '../caches.keys.js';
import type { Primary } from '../primary.js';
import type { Shard } from '../shards.js';
import { library, type OfShard, ofShard } from './library.js';

/**
 * The instance that this Redis is for a shard, or a new one; `open` once every lease of the instance before is over. Versions
 * are larger than `seenVersion` from then on.
 */
export const findInstance = library.command({
  name: 'find-instance',
  keys: ({ shard }: { shard: Shard }) => [
    instanceKey(shard.key),
    instanceFactsKey(shard.key),
    clockKey(shard.key),
    ...formerInstanceKeys(shard.key),
  ],
  args: ({
    runId,
    replicationId,
    isFirst,
    clusterNode,
    durable,
    newId,
    seenVersion,
  }: Primary & { shard: Shard; durable: boolean; newId: string; seenVersion: number }) => [
    ...[runId, replicationId, isFirst ? '1' : '0', durable ? '1' : '0', newId],
    ...[seenVersion, clusterNode],
  ],
  decode: (reply) => {
    const [id, open] = reply as [string, number];
    return { id, open: open === 1 };
  },
});

/** False: another instance has begun since. */
export const openInstance = library.command({
  name: 'open-instance',
  keys: ({ shard }) => [instanceKey(shard.key), instanceFactsKey(shard.key)],
  args: ({ id }: { shard: Shard; id: string }) => [id],
  decode: (reply) => reply === 1,
});

/** Brings a cache into the instance: until then its commands answer with the error `UNOPENED`. */
export const openCache = library.command({
  name: 'open-cache',
  ...ofShard,
  args: ({ shard, cache }: OfShard & { cache: string }) => [cacheKey(shard.key, cache)],
  decode: () => undefined,
});
