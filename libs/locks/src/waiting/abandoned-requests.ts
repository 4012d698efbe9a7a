import { Injectable, Logger } from '@nestjs/common';
import { logUnlessAway } from '@syncline/redis';
import { WaitsStore } from '../redis/waits.store.js';
import type { Ticket } from './ticket.js';

/** Requests that are to be given up as soon as Redis is back; more are left to their own end. */
const MOST_KEPT = 10_000;

/** Requests whose clients cannot be told the outcome: what Redis granted them is given back. */
@Injectable()
export class AbandonedRequests {
  private readonly report = logUnlessAway(new Logger(AbandonedRequests.name));
  private readonly kept = new Map<string, Ticket>();

  constructor(private readonly store: WaitsStore) {}

  /** Gives a request up, now or as soon as Redis is there. */
  giveUp(ticket: Ticket): void {
    this.store.withdraw(ticket).catch((error: unknown) => {
      this.report(error);
      this.giveUpLater(ticket);
    });
  }

  /** The outcome of a request is unknown: if it was granted, its lease is given back when Redis is there. */
  giveUpLater(ticket: Ticket): void {
    if (this.kept.size < MOST_KEPT) this.kept.set(ticket.id, ticket);
  }

  /** Those that are to be given up now that Redis is there for their shard. They are kept no longer. */
  takeAll(shard: number): Ticket[] {
    const tickets = [...this.kept.values()].filter((ticket) => ticket.shard === shard);
    for (const { id } of tickets) this.kept.delete(id);
    return tickets;
  }
}
