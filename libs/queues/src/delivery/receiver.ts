import { type DisconnectSignal, ParkedRequest } from '@syncline/runtime';
import type { Deliveries } from '../redis/scripts/deliveries.js';
import type { ReceiveOptions } from '../redis/scripts/receive.js';
import type { LocalWaiter } from '../redis/scripts/send.js';
import type { Waiter } from '../redis/scripts/waiters.js';

/** What ends a wait: a hint, its deadline, or messages that a send handed over. */
export type WaitEnd = 'woken' | 'over' | Deliveries;

/** A receiver that a send may hand messages to. */
export interface HandOver extends LocalWaiter {
  /** False: it does not take them any more. */
  readonly hand: (deliveries: Deliveries) => boolean;
}

/**
 * One receive that waits. It asks Redis again whenever it was woken, and parks another request each time: what was meant
 * for an earlier one comes too late, since the receiver may have got enough.
 */
export class Receiver {
  private handed: Deliveries | null = null;

  /** @param place in the line; the arrival is empty until Redis answered */
  constructor(
    private place: Waiter,
    private readonly options: ReceiveOptions,
    private request: ParkedRequest<WaitEnd>,
  ) {}

  get id(): string {
    return this.place.id;
  }

  get waiter(): Waiter {
    return this.place;
  }

  /** True from the moment that Redis is known to have it. */
  get inLine(): boolean {
    return this.place.arrival !== '';
  }

  /** For a receive that leaves now. */
  ask(request: ParkedRequest<WaitEnd>): void {
    this.request = request;
  }

  /** For a send that leaves now: Redis gets it after the latest receive of this one. Null while it is woken, and for one that may be repeated. */
  handOver(): HandOver | null {
    const { id, options, request } = this;
    if (!request.open || options.attempt !== undefined) return null;
    const hand = (deliveries: Deliveries) => {
      if (!request.end(deliveries)) return false;
      this.handed = deliveries;
      return true;
    };
    return { id, ...options, hand };
  }

  wake(): void {
    this.request.end('woken');
  }

  fail(error: unknown): void {
    this.request.fail(error);
  }

  /** Redis has it in the line, since that moment. */
  park(arrival: string): void {
    this.place = { id: this.id, arrival };
  }

  /** @throws what it was failed with, or the reason of the signal */
  async wait(waitMs: number, disconnect: DisconnectSignal): Promise<WaitEnd> {
    const { request } = this;
    const end = await request.wait(Math.max(0, waitMs), () => request.end('over'), disconnect);
    this.handed = null;
    return end;
  }

  /** From now on it takes nothing. Returns what it was handed and has not taken. */
  leave(): Deliveries | null {
    this.request.end('over');
    return this.handed;
  }
}
