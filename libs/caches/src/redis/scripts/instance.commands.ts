import { CLOCK_KEY, cacheKey, INSTANCE_KEY } from '../caches.keys.js';
import type { Primary } from '../primary.js';
import { type InInstance, library, ofAll } from './library.js';

/**
 * The instance that this Redis is, or a new one; `open` once every lease of the instance before is over. Versions are larger
 * than `seenVersion` from then on.
 */
export const findInstance = library.command({
  name: 'find-instance',
  keys: () => [INSTANCE_KEY, CLOCK_KEY],
  args: ({
    runId,
    replicationId,
    isFirst,
    durable,
    newId,
    seenVersion,
  }: Primary & { durable: boolean; newId: string; seenVersion: number }) => [
    runId,
    replicationId,
    isFirst ? '1' : '0',
    durable ? '1' : '0',
    newId,
    seenVersion,
  ],
  decode: (reply) => {
    const [id, open] = reply as [string, number];
    return { id, open: open === 1 };
  },
});

/** False: another instance has begun since. */
export const openInstance = library.command({
  name: 'open-instance',
  keys: () => [INSTANCE_KEY],
  args: ({ id }: { id: string }) => [id],
  decode: (reply) => reply === 1,
});

/** Brings a cache into the instance: until then its commands answer with the error `UNOPENED`. */
export const openCache = library.command({
  name: 'open-cache',
  ...ofAll,
  args: ({ cache }: InInstance & { cache: string }) => [cacheKey(cache)],
  decode: () => undefined,
});
