import type { LeaseMode, Lock } from '@syncline/contracts';
import { LOCK_PERMITS, permitsOf, type ResourceRequest } from '../lease/lease.js';
import { resourceKey, resourceName } from '../lease/resource.js';
import type { ResourceState } from '../redis/scripts/resources.js';

/** A lock is a semaphore whose limit nobody reaches by shared leases. */
export const lockRequest = (name: string, mode: LeaseMode): ResourceRequest => ({
  key: resourceKey('lock', name),
  permits: permitsOf(mode),
  limit: LOCK_PERMITS,
});

export function toLock({ key, holders, waiters, currentToken }: ResourceState): Lock {
  const mode = holders[0]?.mode ?? 'free';
  return { name: resourceName(key), mode, holders, waiters, currentToken };
}
