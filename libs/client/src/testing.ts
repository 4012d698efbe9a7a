import { CacheClient } from './cache/cache-client.js';
import type { CachesPort } from './cache/cache-port.js';
import { implemented } from './in-memory/implemented.js';
import { MemoryCaches } from './in-memory/memory-caches.js';
import { MemoryLocks } from './in-memory/memory-locks.js';
import { MemoryQueues } from './in-memory/memory-queues.js';
import { LockClient } from './locks/lock-client.js';
import type { LockPort } from './locks/lock-port.js';
import { QueueClient } from './queues/queue-client.js';
import type { QueuePort } from './queues/queue-port.js';
import { Syncline } from './syncline.js';

/**
 * A stand-in for unit tests: the same client, with locks, queues and caches in the memory of this object. No node, no Redis,
 * nothing shared with another one, nothing left when it is closed.
 *
 * It does what a single process sees of locks, sets of locks and semaphores (first come first served, TTLs, revocation), of
 * queues (workers, priorities, delays, groups, deduplication, back-off, dead letters, chains; schedules that are run) and of caches (TTLs, stale values,
 * tags, prefixes, conditions, counters, one loader). It says nothing of many processes, failures and time-outs, checks no
 * names, sizes or quotas, and throws for the rest: sessions, elections' observers, search, results, lists.
 */
export function inMemory(): Syncline {
  const lock = implemented<LockPort>('Locks', new MemoryLocks());
  const queue = implemented<QueuePort>('Queues', new MemoryQueues());
  const cache = implemented<CachesPort>('Caches', new MemoryCaches());
  return new Syncline({
    clients: {
      lock: new LockClient({ port: lock, releaseOnClose: true }),
      queue: new QueueClient({ port: queue }),
      cache: new CacheClient({ port: cache }),
    },
  });
}
