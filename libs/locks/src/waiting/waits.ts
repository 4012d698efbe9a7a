import { Injectable, Logger } from '@nestjs/common';
import type { Lease } from '@syncline/contracts';
import { StoreUnavailable } from '@syncline/redis';
import { type DisconnectSignal, Drain, ShuttingDown } from '@syncline/runtime';
import { Deadlock, LeaseLost, LimitMismatch, WaitTimeout } from '../lease/lease.errors.js';
import { LeasesStore } from '../redis/leases.store.js';
import type { TakeUpReply } from '../redis/scripts/replies.js';

/** Most waits are over by then, and cost no look at all. */
const FIRST_LOOK_MS = 100;
/** A circle is closed by its youngest wait, which the first look finds; later looks are for owners that do several things at once. */
const NEXT_LOOK_MS = 1_000;
const MOST_LOOKS_PER_S = 256;
/** Waiting requests of a name that a release here vouches for. Usually the first one is served. */
const MOST_VOUCHED = 4;
/** Where the names begin in a wait id. */
const NAMES_AT = 37;

/** How a wait ended, for the request that is parked on it. `lost`: served, but too late; it has to ask again. */
export type WaitEnd = { readonly leases: Lease[] } | 'lost';

/** What names a request in the queue. */
export type Placed = Pick<Ticket, 'shard' | 'id' | 'claim' | 'returns'>;

/** One parked request. Two with the same lease id on one node wait for the same thing. */
export interface Ticket {
  readonly shard: number;
  readonly id: string;
  readonly claim: string;
  /** True when its caller chose the lease id: cut off, it may come back with it. */
  readonly returns: boolean;
  /** True from the moment that Redis is known to have it. */
  parked: boolean;
  /** True until it has ended. */
  open: boolean;
  readonly ended: Promise<WaitEnd>;
  readonly end: (end: WaitEnd) => void;
  readonly fail: (error: Error) => void;
}

function newTicket({ shard, id, claim, returns }: Placed): Ticket {
  let resolveEnd: Ticket['end'] = () => {};
  let rejectEnd: Ticket['fail'] = () => {};
  const ended = new Promise<WaitEnd>((resolve, reject) => {
    resolveEnd = resolve;
    rejectEnd = reject;
  });
  // Whoever parks it awaits it; one that is not parked must not raise an unhandled rejection.
  ended.catch(() => {});
  const ticket: Ticket = {
    shard,
    id,
    claim,
    returns,
    parked: false,
    open: true,
    ended,
    end: (end) => {
      ticket.open = false;
      resolveEnd(end);
    },
    fail: (error) => {
      ticket.open = false;
      rejectEnd(error);
    },
  };
  return ticket;
}

/** The requests that this node holds while they wait, and what becomes of them. */
@Injectable()
export class Waits {
  private readonly logger = new Logger(Waits.name);
  /** By wait id. An object, not a map: see `docs/decisions/garbage.md`. */
  private readonly tickets: Record<string, Set<Ticket>> = Object.create(null);
  private count = 0;
  /** Wait ids by the names that they wait for, in order of their arrival here. */
  private readonly idsByNames = new Map<string, Set<string>>();

  constructor(
    private readonly store: LeasesStore,
    private readonly drain: Drain,
  ) {
    // One listener for all requests: a signal looks through its listeners at each one that is added.
    drain.signal.addEventListener('abort', () => {
      for (const ticket of this.all()) if (ticket.parked) ticket.fail(new ShuttingDown());
    });
  }

  /** Requests that wait on this node. */
  get size(): number {
    return this.count;
  }

  /** Enters a request before Redis hears of it: its grant may be announced before the reply is here. */
  enter(request: Placed): Ticket {
    const ticket = newTicket(request);
    const { id } = request;
    const same = this.tickets[id];
    if (same) {
      same.add(ticket);
      return ticket;
    }
    this.tickets[id] = new Set([ticket]);
    this.count += 1;
    const names = id.slice(NAMES_AT);
    const ids = this.idsByNames.get(names);
    if (ids) ids.add(id);
    else this.idsByNames.set(names, new Set([id]));
    return ticket;
  }

  /** Returns true when no other request of this node waits for the same. */
  remove(ticket: Ticket): boolean {
    const same = this.tickets[ticket.id];
    same?.delete(ticket);
    if (same === undefined || same.size > 0) return false;
    delete this.tickets[ticket.id];
    this.count -= 1;
    const names = ticket.id.slice(NAMES_AT);
    const ids = this.idsByNames.get(names);
    ids?.delete(ticket.id);
    if (ids?.size === 0) this.idsByNames.delete(names);
    return true;
  }

  /**
   * The requests here that wait for one of these names alone, and whose callers are on the line: a script that
   * serves one of them need not ask back. Those that came first, a few of each name.
   */
  vouchFor(keys: readonly string[]): Ticket[] {
    const vouched: Ticket[] = [];
    for (const key of keys) {
      let left = MOST_VOUCHED;
      for (const id of this.idsByNames.get(key) ?? []) {
        const same = this.tickets[id];
        const [only] = same ?? [];
        if (only?.open && same?.size === 1) vouched.push(only);
        left -= 1;
        if (left === 0) break;
      }
    }
    return vouched;
  }

  /** Tells a request what it was served with. False: it is not here any more, or not alone. */
  grant(ticket: Ticket, leases: Lease[]): boolean {
    const same = this.tickets[ticket.id];
    if (!ticket.open || !same?.has(ticket) || same.size !== 1) return false;
    ticket.end({ leases });
    return true;
  }

  has(id: string): boolean {
    return this.tickets[id] !== undefined;
  }

  /** Ids that Redis should know of, in a shard. */
  parkedIn(shard: number): string[] {
    const ids: string[] = [];
    for (const [id, same] of Object.entries(this.tickets)) {
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
   * @throws WaitTimeout, LeaseLost, LimitMismatch, ShuttingDown, StoreUnavailable; ClientDisconnected when the caller went away
   */
  async park(ticket: Ticket, waitMs: number, disconnect: DisconnectSignal): Promise<WaitEnd> {
    ticket.parked = true;
    const hungUp = () => ticket.fail(disconnect.reason as Error);
    const deadline = setTimeout(() => void this.leave(ticket, waitMs), waitMs);
    let check = setTimeout(() => void look(), FIRST_LOOK_MS);
    const look = async () => {
      await this.lookForDeadlock(ticket);
      if (this.tickets[ticket.id]?.has(ticket)) check = setTimeout(() => void look(), this.nextLookMs());
    };
    disconnect.addEventListener('abort', hungUp);
    if (this.drain.signal.aborted) ticket.fail(new ShuttingDown());
    if (disconnect.aborted) hungUp();
    try {
      return await ticket.ended;
    } finally {
      clearTimeout(deadline);
      clearTimeout(check);
      disconnect.removeEventListener('abort', hungUp);
    }
  }

  /** There is word of a request: it was served, or its wait was ended. */
  async wordOf(shard: number, id: string): Promise<void> {
    const same = this.tickets[id];
    const [first] = same ?? [];
    if (same === undefined || first === undefined) {
      // Its caller is gone: unless it comes back, what it was served with goes to the next one.
      await this.store.withdraw(shard, id, '-', true);
      return;
    }
    const claim = same.size > 1 ? '*' : first.claim;
    this.settle(id, await this.store.takeUp(shard, id, claim, false));
  }

  /** Ends everything that waits here: this node does not reach Redis any more. */
  failAll(error: Error): void {
    for (const ticket of this.all()) ticket.fail(error);
  }

  private all(): Ticket[] {
    return Object.values(this.tickets).flatMap((same) => [...same]);
  }

  private nextLookMs(): number {
    return Math.max(NEXT_LOOK_MS, (this.count * 1_000) / MOST_LOOKS_PER_S);
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
    if ((this.tickets[ticket.id]?.size ?? 0) > 1) {
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
    for (const ticket of this.tickets[id] ?? []) {
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
