import { Injectable, Logger } from '@nestjs/common';
import { logUnlessAway } from '@syncline/redis';
import { type DisconnectSignal, Drain, InFlight, Parked, type ParkedRequest } from '@syncline/runtime';
import { WaitTimeout } from '../lease/lease.errors.js';
import type { Grant } from '../lease/lease.js';
import { errorOf } from '../lease/refusal.js';
import type { Outcome } from '../redis/scripts/waits.js';
import { keysOfWait } from '../redis/wait-id.js';
import { WaitsStore } from '../redis/waits.store.js';
import { AbandonedRequests } from './abandoned-requests.js';
import { DeadlockSearch } from './deadlock-search.js';
import { NO_CLAIM, SHARED_CLAIM, type Ticket } from './ticket.js';

/** Most waits are over by then, and cost no search at all. */
const FIRST_SEARCH_MS = 100;
/** A circle is closed by its youngest wait, which the first search finds; later ones are for owners that do several things at once. */
const NEXT_SEARCH_MS = 1_000;
const MOST_SEARCHES_PER_S = 256;
/** Waiting requests of a name that a release names as its node's own. Usually the first one is served. */
const MOST_LOCAL = 4;

/** What a waiting request was served with; null: it was served, but too late, so it has to ask again. */
export type Served = Grant[] | null;

/** A request that waits on this node. */
export interface WaitingRequest {
  readonly ticket: Ticket;
  readonly parked: ParkedRequest<Served>;
  /** True from the moment that Redis is known to have it. */
  inQueue: boolean;
}

/** The requests that this node holds while they wait, and what becomes of them. */
@Injectable()
export class Waits {
  private readonly report = logUnlessAway(new Logger(Waits.name));
  private readonly parked: Parked<Served>;
  private readonly byWaitId = new InFlight<WaitingRequest[]>();
  /** Requests for one resource alone, by its key, in order of their arrival here. */
  private readonly lines = new Map<string, Set<WaitingRequest>>();

  constructor(
    private readonly store: WaitsStore,
    private readonly abandoned: AbandonedRequests,
    private readonly deadlocks: DeadlockSearch,
    drain: Drain,
  ) {
    this.parked = new Parked(drain);
  }

  /** Things that are waited for on this node: requests with one wait id count once. */
  get size(): number {
    return this.byWaitId.size;
  }

  has(id: string): boolean {
    return this.byWaitId.get(id) !== undefined;
  }

  /**
   * Enters a request before Redis hears of it: its grant may be announced before the reply is here.
   *
   * @throws ShuttingDown
   */
  enter(ticket: Ticket): WaitingRequest {
    const request = { ticket, parked: this.parked.enter(ticket.claim), inQueue: false };
    this.byWaitId.set(ticket.id, [...(this.byWaitId.get(ticket.id) ?? []), request]);
    const [key = '', ...others] = keysOfWait(ticket.id);
    if (others.length === 0) this.lines.set(key, (this.lines.get(key) ?? new Set()).add(request));
    return request;
  }

  /** Returns true when no other request of this node waits for the same. */
  leave(request: WaitingRequest): boolean {
    const { id, claim } = request.ticket;
    if (this.parked.delete(claim) === undefined) return false;
    const others = this.byWaitId.get(id)?.filter((each) => each !== request) ?? [];
    if (others.length === 0) this.byWaitId.delete(id);
    else this.byWaitId.set(id, others);
    const [key = ''] = keysOfWait(id);
    const line = this.lines.get(key);
    line?.delete(request);
    if (line?.size === 0) this.lines.delete(key);
    if (others.length === 0) this.store.forget(request.ticket);
    return others.length === 0;
  }

  /**
   * Waits until a request ends that Redis has put into its queue.
   *
   * @param waitMs how long, in ms
   * @throws WaitTimeout, Deadlock, LeaseLost, LimitMismatch, ShuttingDown, StoreUnavailable; ClientDisconnected when the client went away
   */
  async park(request: WaitingRequest, waitMs: number, disconnect: DisconnectSignal): Promise<Served> {
    request.inQueue = true;
    let search = setTimeout(() => void searchAgain(), FIRST_SEARCH_MS);
    const searchAgain = async () => {
      await this.searchForDeadlock(request.ticket.id);
      if (request.parked.open) search = setTimeout(() => void searchAgain(), this.nextSearchMs());
    };
    try {
      return await request.parked.wait(waitMs, () => void this.timeOut(request, waitMs), disconnect);
    } finally {
      clearTimeout(search);
    }
  }

  /**
   * The requests here that wait for one of these resources alone, and whose clients are still connected: a script that
   * serves one of them need not ask back. Those that came first, a few of each resource.
   */
  localWaiters(keys: readonly string[]): WaitingRequest[] {
    return keys.flatMap((key) => {
      const first: WaitingRequest[] = [];
      for (const request of this.lines.get(key) ?? []) {
        first.push(request);
        if (first.length === MOST_LOCAL) break;
      }
      return first.filter((request) => request.parked.open && this.isAlone(request));
    });
  }

  /** Gives a local waiter what a script served it with. Its lease goes to the next one when it has gone away meanwhile. */
  deliver(request: WaitingRequest, leases: Grant[]): void {
    const { ticket, parked } = request;
    if (parked.open && this.isAlone(request)) parked.end(leases);
    else if (this.has(ticket.id)) void this.collectOutcome(ticket.shard, ticket.id);
    else this.abandoned.giveUp(ticket);
  }

  /** Redis recorded an outcome for a request: fetches and applies it. What fails is made up for by the next heartbeat. */
  async collectOutcome(shard: number, id: string): Promise<void> {
    const [first, second] = this.byWaitId.get(id) ?? [];
    try {
      if (first === undefined) {
        // Its client is gone: unless it comes back, what it was served with goes to the next one.
        await this.store.withdraw({ shard, id, claim: NO_CLAIM, mayReturn: true });
      } else {
        const claim = second === undefined ? first.ticket.claim : SHARED_CLAIM;
        this.apply(id, await this.store.takeUp({ ...first.ticket, claim }, false));
      }
    } catch (error) {
      this.report(error);
    }
  }

  /** Wait ids that Redis should know of, in a shard. */
  queuedIn(shard: number): string[] {
    return this.byWaitId
      .values()
      .filter((requests) => requests.some(({ ticket, inQueue }) => ticket.shard === shard && inQueue))
      .flatMap(([first]) => (first ? [first.ticket.id] : []));
  }

  /** Ends everything that waits in a shard: this node does not reach it any more. */
  failAll(shard: number, error: Error): void {
    const requests = this.byWaitId.values().flat();
    for (const { ticket, parked } of requests) if (ticket.shard === shard) parked.fail(error);
  }

  private isAlone(request: WaitingRequest): boolean {
    const same = this.byWaitId.get(request.ticket.id);
    return same?.length === 1 && same[0] === request;
  }

  private nextSearchMs(): number {
    return Math.max(NEXT_SEARCH_MS, (this.size * 1_000) / MOST_SEARCHES_PER_S);
  }

  private async searchForDeadlock(id: string): Promise<void> {
    try {
      const cycle = await this.deadlocks.search(id);
      if (cycle !== null) this.apply(id, { outcome: 'deadlock', cycle });
    } catch (error) {
      this.report(error);
    }
  }

  private async timeOut({ ticket, parked }: WaitingRequest, waitMs: number): Promise<void> {
    const timeout = new WaitTimeout(waitMs);
    if ((this.byWaitId.get(ticket.id)?.length ?? 0) > 1) {
      parked.fail(timeout);
      return;
    }
    try {
      const reply = await this.store.takeUp(ticket, true);
      if (reply.outcome === 'left') parked.fail(timeout);
      else this.apply(ticket.id, reply);
    } catch (error) {
      this.report(error);
      parked.fail(error);
    }
  }

  /** Ends the requests that wait for the same. */
  private apply(id: string, reply: Outcome): void {
    for (const { parked } of this.byWaitId.get(id) ?? []) {
      switch (reply.outcome) {
        case 'granted':
          parked.end(reply.leases);
          break;
        case 'too-late':
        case 'left':
          parked.end(null);
          break;
        case 'waiting':
          break;
        default:
          parked.fail(errorOf(reply));
      }
    }
  }
}
