import type { Lease as Grant, LeaseMode } from '@syncline/contracts';
import { Holding } from './holding.js';
import type { Holdings } from './holdings.js';
import type { Term } from './term.js';

/** A lease of one lock or semaphore. Renewed in the background until it is released or lost. */
export class Lease extends Holding {
  /** @internal */
  constructor(
    /** The grant as the node sent it. Renewals do not change its `expiresAt`. */
    readonly grant: Readonly<Grant>,
    term: Term,
    sendRelease: () => Promise<unknown>,
    holdings: Holdings,
  ) {
    super(term, sendRelease, holdings);
  }

  get name(): string {
    return this.grant.name;
  }
  get leaseId(): string {
    return this.grant.leaseId;
  }
  get owner(): string {
    return this.grant.owner;
  }
  get mode(): LeaseMode {
    return this.grant.mode;
  }
  /** A decimal string that is larger with every grant of the name. Send it with each write, and refuse smaller ones there. */
  get fencingToken(): string {
    return this.grant.fencingToken;
  }
}

/** Leases of several locks, acquired, renewed and released together. */
export class LeaseSet extends Holding {
  /** @internal */
  constructor(
    readonly leaseId: string,
    readonly grants: readonly Readonly<Grant>[],
    term: Term,
    sendRelease: () => Promise<unknown>,
    holdings: Holdings,
  ) {
    super(term, sendRelease, holdings);
  }

  /** The fencing token of one of the names. */
  fencingToken(name: string): string {
    const grant = this.grants.find((candidate) => candidate.name === name);
    if (grant === undefined) throw new TypeError(`The set does not hold ${name}`);
    return grant.fencingToken;
  }
}
