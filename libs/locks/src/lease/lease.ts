import { type Holder, type Lease, type LeaseMode, toInstant } from '@syncline/contracts';
import { resourceName } from '../redis/lease.keys.js';

/** Permits of a lock: a shared lease takes one of them, an exclusive one takes all. */
export const LOCK_PERMITS = 1_000_000;

/** What a caller wants of one lock or semaphore. */
export interface Wish {
  readonly key: string;
  readonly permits: number;
  /** The limit of the semaphore as the caller knows it; 0 when it does not say. */
  readonly limit: number;
}

/** One request for leases, whatever the route that it came by. */
export interface LeaseRequest {
  readonly shard: number;
  readonly wishes: readonly Wish[];
  readonly leaseId: string;
  /** True when this node made up the lease id, so that nobody can have used it before. */
  readonly fresh: boolean;
  readonly owner: string;
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly sessionId: string | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

/** Names a waiting request: the scripts read from it what it asks for. */
export const waitId = (leaseId: string, keys: readonly string[]): string => `${leaseId}/${keys.join(',')}`;

export const leaseOfWait = (id: string): string => id.slice(0, 36);
export const keysOfWait = (id: string): string[] => id.slice(37).split(',');

/** Wishes of one request in one order, so that a retry that lists them otherwise is the same request. */
export const inOrder = (wishes: readonly Wish[]): readonly Wish[] =>
  wishes.length === 1 ? wishes : [...wishes].sort((a, b) => (a.key < b.key ? -1 : 1));

export const modeOf = (permits: number): LeaseMode => (permits === LOCK_PERMITS ? 'exclusive' : 'shared');
export const permitsOf = (mode: LeaseMode): number => (mode === 'exclusive' ? LOCK_PERMITS : 1);

export const encodeOwner = (owner: string): string => encodeURIComponent(owner);
export const decodeOwner = (owner: string): string => decodeURIComponent(owner);

/** Reads a lease from the record that the scripts keep of it (see `state.lua`). */
export function readLease(key: string, leaseId: string, record: string, endsAt: number): Lease {
  const [permits, _state, _session, token = '', acquiredAt, waitedMs, ttlMs, owner = '', ...rest] =
    record.split(' ');
  const facts = rest.join(' ');
  const mode = modeOf(Number(permits));
  return {
    name: resourceName(key),
    leaseId,
    owner: decodeOwner(owner),
    mode,
    permits: mode === 'exclusive' ? 1 : Number(permits),
    fencingToken: token,
    ttlMs: Number(ttlMs),
    acquiredAt: toInstant(Number(acquiredAt)),
    expiresAt: toInstant(endsAt),
    waitedMs: Number(waitedMs),
    metadata: facts === '-' ? null : JSON.parse(facts),
  };
}

/** The lease as others see it. */
export function readHolder(key: string, record: string, endsAt: number): Holder {
  const { leaseId: _right, ...holder } = readLease(key, '', record, endsAt);
  return holder;
}
