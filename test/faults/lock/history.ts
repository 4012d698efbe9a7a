import type { Lease } from '@syncline/contracts';

/** A lease as its client knew it. Times are milliseconds of the clock of this machine, which Redis shares. */
export interface Hold {
  readonly lease: Lease;
  /** The client was told at this moment: from here on the lease is surely its own. */
  readonly toldAt: number;
  /** Until here it surely was: the client asked to release it, or its time was over. */
  until: number;
}
