import { Injectable } from '@nestjs/common';
import { isRefused } from '@syncline/redis';
import { Instances } from './instances.js';
import { type Peeked, peek } from './scripts/entry.commands.js';
import {
  endFill,
  type FillLeaseReply,
  type FillLeaseRequest,
  freeLeases,
  leaseFill,
  renewFill,
} from './scripts/fill.commands.js';

/** A Redis that takes no writes now is asked for a fill lease again after this time. */
const REFUSED_MS = 1_000;

/** Fill leases in Redis. */
@Injectable()
export class FillsStore {
  private readonly leaseIn;
  private readonly peek;
  readonly renew;
  readonly end;
  readonly free;

  constructor(instances: Instances) {
    this.leaseIn = instances.ofEntry(leaseFill);
    this.peek = instances.ofEntry(peek);
    this.renew = instances.ofEntry(renewFill);
    this.end = instances.ofEntry(endFill);
    this.free = instances.ofPart(freeLeases);
  }

  /**
   * Reads an entry, or takes the fill lease of its key. A Redis that takes no writes now could not store what is computed:
   * it gives no lease, and a stale value is still good.
   */
  async lease(cache: string, request: FillLeaseRequest): Promise<FillLeaseReply> {
    try {
      return await this.leaseIn(cache, request);
    } catch (error) {
      if (!isRefused(error)) throw error;
      const reply = withoutLease(await this.peek(cache, request));
      if (reply === null) throw error;
      return reply;
    }
  }
}

/** Null: there is neither a value nor a caller that computes one. */
function withoutLease({ read, lease }: Peeked): FillLeaseReply | null {
  const { entry } = read;
  const isStale = entry !== null && entry.freshMs !== null && entry.freshMs <= 0;
  if (entry !== null && !isStale) return { state: 'hit', leftMs: 0, name: '', read };
  if (lease !== null) return { state: 'held', ...lease, read };
  return isStale ? { state: 'held', leftMs: REFUSED_MS, name: '', read } : null;
}
