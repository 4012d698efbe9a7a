import type { Lease, LeaseMode } from '@syncline/contracts';
import { resourceName } from './resource.js';

/** Permits of a lock: a shared lease takes one of them, an exclusive one takes all. */
export const LOCK_PERMITS = 1_000_000;

export const modeOf = (permits: number): LeaseMode => (permits === LOCK_PERMITS ? 'exclusive' : 'shared');
export const permitsOf = (mode: LeaseMode): number => (mode === 'exclusive' ? LOCK_PERMITS : 1);

/** A lease as Redis tells it. Its holder is also told how safe it is. */
export type Grant = Omit<Lease, 'durability'>;

/** What a caller wants of one lock or semaphore. */
export interface ResourceRequest {
  /** See `resourceKey`. */
  readonly key: string;
  readonly permits: number;
  /** The limit of the semaphore as the caller knows it; 0 when it does not say. */
  readonly limit: number;
}

/** What a caller asks for, apart from the names. */
export interface LeaseTerms {
  readonly owner: string;
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly leaseId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** One request for leases, whatever the route that it came by. */
export interface LeaseRequest {
  /** In the order of their keys, see {@link inOrder}. */
  readonly resources: readonly ResourceRequest[];
  readonly leaseId: string;
  /** True when this node made up the lease id, so that nobody can have used it before. */
  readonly leaseIdIsNew: boolean;
  readonly owner: string;
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly sessionId: string | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

/** The name of one of its resources: all of them are in one realm. */
export const nameOf = ({ resources: [first] }: LeaseRequest): string => resourceName(first?.key ?? '');

/** The resources of one request in one order, so that a retry that lists them in another order is the same request. */
export const inOrder = (resources: readonly ResourceRequest[]): readonly ResourceRequest[] =>
  resources.length === 1 ? resources : [...resources].sort((a, b) => (a.key < b.key ? -1 : 1));
