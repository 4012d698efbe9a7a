/** What names a request in the queues of Redis. */
export interface Ticket {
  readonly shard: number;
  /** Two requests with the same wait id wait for the same thing: they have one lease id and the same names. */
  readonly id: string;
  /** Names this request among those with the same wait id: a lease that it alone was told of can be given back by its claim. */
  readonly claim: string;
  /** True when its client chose the lease id: cut off, it may come back with it, and then finds its place. */
  readonly mayReturn: boolean;
}

/** In the place of a claim: that of no request. */
export const NO_CLAIM = '-';
/** In the place of a claim: several requests were told of the lease, so none of them can give it back. */
export const SHARED_CLAIM = '*';
