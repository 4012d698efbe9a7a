/** What a node remembers of the leases, sessions and places that it told its clients of. Times are of the monotonic clock, ms. */

/** A lease, as Redis keeps it. */
export interface KeptLease {
  readonly key: string;
  readonly leaseId: string;
  readonly record: string;
  /** By the clock of the Redis that told it, ms. */
  readonly endsAt: number;
  readonly limit: string;
  /** Of the request that it was granted to, null when this node only renewed it. */
  readonly waitId: string | null;
  /** Its session, or null. */
  readonly sessionId: string | null;
  /** When it was granted through this node; null: elsewhere. */
  readonly heldSince: number | null;
  readonly until: number;
}

/** Owner and metadata are as Redis keeps them. */
export interface KeptSession {
  readonly sessionId: string;
  readonly ttlMs: number;
  readonly owner: string;
  readonly metadata: string;
  readonly until: number;
}

/** A place in a line. Owner and metadata are as Redis keeps them. */
export interface KeptPlace {
  readonly waitId: string;
  /** Microseconds of the clock of Redis: what the line is ordered by. */
  readonly arrival: string;
  readonly ttlMs: number;
  readonly sessionId: string | null;
  readonly owner: string;
  readonly metadata: string;
  readonly wanted: readonly { readonly permits: number; readonly limit: number }[];
  readonly until: number;
}

/** A lease that ended, as this node knows. */
export interface EndedLease {
  readonly key: string;
  readonly leaseId: string;
}

/** What one node knows of one shard. */
export interface Knowledge {
  readonly sessions: readonly KeptSession[];
  readonly ended: readonly EndedLease[];
  readonly leases: readonly KeptLease[];
  readonly places: readonly KeptPlace[];
}
