import { Injectable } from '@nestjs/common';
import type { DisconnectSignal } from '@syncline/runtime';
import { FillLeaseVoid } from '../entries/entries.errors.js';
import { Reader } from '../entries/reader.js';
import { EntriesStore } from '../redis/entries.store.js';
import type { Fill, FillWish } from './fill-line.js';
import { FillLines } from './fill-lines.js';

/** Lets one caller in the cluster compute a missing value while the others wait. */
@Injectable()
export class FillsService {
  constructor(
    private readonly reader: Reader,
    private readonly store: EntriesStore,
    private readonly lines: FillLines,
  ) {}

  /**
   * @param disconnect aborted when the caller went away
   * @throws FillWaitTimeout, FillFailed
   */
  async fill(cache: string, key: string, wish: FillWish, disconnect: DisconnectSignal): Promise<Fill> {
    const near = this.reader.near(cache, key);
    if (near?.entry && !near.entry.stale) return { entry: near.entry, fillLease: null };
    return this.lines.join(cache, key, wish, disconnect);
  }

  /**
   * @returns when the lease ends, ms since 1970 on Redis' clock
   * @throws FillLeaseVoid
   */
  async renew(cache: string, key: string, lease: string, leaseMs: number): Promise<number> {
    const expiresAt = await this.store.renewFill(cache, { key, lease, leaseMs });
    if (expiresAt === null) throw new FillLeaseVoid();
    return expiresAt;
  }

  /** Ends a lease, if it is in force. @param reason told to those who wait; without one, the first of them computes */
  async end(cache: string, key: string, lease: string, reason: string | undefined): Promise<void> {
    await this.store.endFill(cache, { key, lease, reason });
  }
}
