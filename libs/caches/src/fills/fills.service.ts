import { Injectable } from '@nestjs/common';
import type { DisconnectSignal } from '@syncline/runtime';
import { Reader } from '../entries/reader.js';
import { FillsStore } from '../redis/fills.store.js';
import type { Filled, FillOptions } from './fill-line.js';
import { FillLines } from './fill-lines.js';

/** Lets one caller in the cluster compute a missing value while the others wait. */
@Injectable()
export class FillsService {
  constructor(
    private readonly reader: Reader,
    private readonly store: FillsStore,
    private readonly lines: FillLines,
  ) {}

  /**
   * @param disconnect aborted when the caller went away
   * @throws FillWaitTimeout, FillFailed
   */
  async fill(
    cache: string,
    key: string,
    options: FillOptions,
    disconnect: DisconnectSignal,
  ): Promise<Filled> {
    const near = this.reader.near(cache, key);
    if (near?.entry && !near.entry.stale) return { entry: near.entry, fillLease: null };
    return this.lines.join(cache, key, options, disconnect);
  }

  /**
   * @returns when the lease ends, ms since 1970 on Redis' clock
   * @throws FillLeaseVoid
   */
  renew(cache: string, key: string, lease: string, leaseMs: number): Promise<number> {
    return this.store.renew(cache, { key, lease, leaseMs });
  }

  /** Ends a lease, if it is in force. @param reason for those who wait; without one, the first of them computes */
  async end(cache: string, key: string, lease: string, reason: string | undefined): Promise<void> {
    await this.store.end(cache, { key, lease, reason });
  }
}
