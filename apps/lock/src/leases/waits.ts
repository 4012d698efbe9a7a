import { Injectable, Logger } from '@nestjs/common';
import type { Lease } from '@syncline/contracts';
import { Drain, ShuttingDown } from '@syncline/http';
import { StoreUnavailable } from '@syncline/redis';
import { Deadlock, LeaseLost, LimitMismatch, WaitTimeout } from './lease.errors.js';
import { LeasesStore } from './leases.store.js';
import type { TakeUpReply } from './scripts/replies.js';

/** Most waits are over by then, and cost no look at all. */
const FIRST_LOOK_MS = 100;
/** A circle is closed by its youngest wait, which the first look finds; later looks are for owners that do several things at once. */
const NEXT_LOOK_MS = 1_000;
const MOST_LOOKS_PER_S = 256;

/** How a wait ended, for the request that is parked on it. `lost`: served, but too late; it has to ask again. */
export type WaitEnd = { readonly leases: Lease[] } | 'lost';

/** One parked request. Two with the same lease id on one node wait for the same thing. */
export interface Ticket {
  readonly shard: number;
  readonly id: string;
  readonly claim: string;
  /** True from the moment that Redis is known to have it. */
  parked: boolean;
  readonly ended: Promise<WaitEnd>;
  readonly end: (end: WaitEnd) => void;
  readonly fail: (error: Error) => void;
}

function newTicket(shard: number, id: string, claim: string): Ticket {
  let end: Ticket['end'] = () => {};
  let fail: Ticket['fail'] = () => {};
  const ended = new Promise<WaitEnd>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  // Whoever parks it awaits it; one that is not parked must not raise an unhandled rejection.
  ended.catch(() => {});
  return { shard, id, claim, parked: false, ended, end, fail };
}

/** The requests that this node holds while they wait, and what becomes of them. */
@Injectable()
export class Waits {
  private readonly logger = new Logger(Waits.name);
  private readonly tickets = new Map<string, Set<Ticket>>();

  constructor(
    private readonly store: LeasesStore,
    private readonly drain: Drain,
  ) {}

  /** Requests that wait on this node. */
  get size(): number {
    return this.tickets.size;
  }

  /** Enters a request before Redis hears of it: its grant may be announced before the reply is here. */
  enter(shard: number, id: string, claim: string): Ticket {
    const ticket = newTicket(shard, id, claim);
    const same = this.tickets.get(id);
    if (same) same.add(ticket);
    else this.tickets.set(id, new Set([ticket]));
    return ticket;
  }

  /** Returns true when no other request of this node waits for the same. */
  remove(ticket: Ticket): boolean {
    const same = this.tickets.get(ticket.id);
    same?.delete(ticket);
    if (same === undefined || same.size > 0) return false;
    this.tickets.delete(ticket.id);
    return true;
  }

  has(id: string): boolean {
    return this.tickets.has(id);
  }

  /** Ids that Redis should know of, in a shard. */
  parkedIn(shard: number): string[] {
    const ids: string[] = [];
    for (const [id, same] of this.tickets) {
      for (const ticket of same) {
        if (ticket.shard === shard && ticket.parked) {
          ids.push(id);
          break;
        }
      }
    }
    return ids;
  }

  /**
   * Parks a request until its wait ends.
   *
   * @param waitMs how long, in ms
   * @throws WaitTimeout, LeaseLost, LimitMismatch, ShuttingDown, StoreUnavailable; HungUp when the caller went away
   */
  async park(ticket: Ticket, waitMs: number, hangUp: AbortSignal): Promise<WaitEnd> {
    ticket.parked = true;
    const stop = () => ticket.fail(new ShuttingDown());
    const hungUp = () => ticket.fail(hangUp.reason as Error);
    const deadline = setTimeout(() => void this.leave(ticket, waitMs), waitMs);
    let check = setTimeout(() => void look(), FIRST_LOOK_MS);
    const look = async () => {
      await this.lookForDeadlock(ticket);
      if (this.tickets.get(ticket.id)?.has(ticket)) check = setTimeout(() => void look(), this.nextLookMs());
    };
    this.drain.signal.addEventListener('abort', stop);
    hangUp.addEventListener('abort', hungUp);
    if (this.drain.signal.aborted) stop();
    if (hangUp.aborted) hungUp();
    try {
      return await ticket.ended;
    } finally {
      clearTimeout(deadline);
      clearTimeout(check);
      this.drain.signal.removeEventListener('abort', stop);
      hangUp.removeEventListener('abort', hungUp);
    }
  }

  /** There is word of a request: it was served, or its wait was ended. */
  async wordOf(shard: number, id: string): Promise<void> {
    const same = this.tickets.get(id);
    const [first] = same ?? [];
    if (same === undefined || first === undefined) {
      // Its caller is gone: what it was served with goes to the next one.
      await this.store.withdraw(shard, id, '-');
      return;
    }
    const claim = same.size > 1 ? '*' : first.claim;
    this.settle(id, await this.store.takeUp(shard, id, claim, false));
  }

  /** Ends everything that waits here: this node does not reach Redis any more. */
  failAll(error: Error): void {
    for (const same of [...this.tickets.values()]) for (const ticket of [...same]) ticket.fail(error);
  }

  private nextLookMs(): number {
    return Math.max(NEXT_LOOK_MS, (this.tickets.size * 1_000) / MOST_LOOKS_PER_S);
  }

  private async lookForDeadlock(ticket: Ticket): Promise<void> {
    try {
      const cycle = await this.store.findDeadlock(ticket.shard, ticket.id);
      if (cycle !== null) this.settle(ticket.id, { outcome: 'deadlock', cycle });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
    }
  }

  private async leave(ticket: Ticket, waitMs: number): Promise<void> {
    const timeout = new WaitTimeout(waitMs);
    if ((this.tickets.get(ticket.id)?.size ?? 0) > 1) {
      ticket.fail(timeout);
      return;
    }
    try {
      const reply = await this.store.takeUp(ticket.shard, ticket.id, ticket.claim, true);
      if (reply.outcome === 'left') ticket.fail(timeout);
      else this.settle(ticket.id, reply);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
      ticket.fail(error as Error);
    }
  }

  private settle(id: string, reply: TakeUpReply): void {
    for (const ticket of this.tickets.get(id) ?? []) {
      switch (reply.outcome) {
        case 'granted':
          ticket.end({ leases: reply.leases });
          break;
        case 'lost':
        case 'left':
          ticket.end('lost');
          break;
        case 'limit':
          ticket.fail(new LimitMismatch(reply.limit));
          break;
        case 'deadlock':
          ticket.fail(new Deadlock(reply.cycle));
          break;
        case 'session':
          ticket.fail(new LeaseLost('The session ended while the request waited.'));
          break;
        case 'waiting':
          break;
      }
    }
  }
}
