import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { HangUpSignal } from '@syncline/http';
import { FillWaitTimeout } from './entries.errors.js';
import { EntriesStore } from './entries.store.js';
import type { Entry } from './entry.js';
import { FillWaiters } from './fill-waiters.js';
import { Reader } from './reader.js';

/** The value, the right to compute it, or both: a stale value and the right to refresh it. */
export interface Fill {
  readonly entry: Entry | null;
  /** Null: somebody else has it, or there is no need. */
  readonly fillLease: string | null;
}

/** Lets one caller in the cluster compute a missing value while the others wait. */
@Injectable()
export class FillsService {
  constructor(
    private readonly reader: Reader,
    private readonly store: EntriesStore,
    private readonly waiters: FillWaiters,
  ) {}

  /**
   * @param hangUp aborted when the caller went away
   * @throws FillWaitTimeout
   */
  async fill(
    cache: string,
    key: string,
    { waitMs, leaseMs }: { waitMs: number; leaseMs: number },
    hangUp: HangUpSignal,
  ): Promise<Fill> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const near = this.reader.near(cache, key);
      if (near?.entry && !near.entry.stale) return { entry: near.entry, fillLease: null };
      const lease = randomUUID();
      const waits = performance.now() < deadline;
      const { state, leftMs, entry } = await this.reader.lease(cache, key, { lease, leaseMs, waits });
      if (state === 'hit') return { entry, fillLease: null };
      if (state === 'lease') {
        if (hangUp.aborted) {
          // It cannot be told, so it does not keep the lease.
          await this.store.giveLeaseBack(cache, key, lease);
          throw hangUp.reason;
        }
        return { entry, fillLease: lease };
      }
      if (entry !== null) return { entry, fillLease: null };
      const remaining = deadline - performance.now();
      if (remaining <= 0) throw new FillWaitTimeout();
      await this.waiters.wait(cache, key, Math.min(leftMs + 1, remaining), hangUp);
    }
  }
}
