import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { StoreUnavailable } from '@syncline/redis';
import { type DisconnectSignal, Drain, ShuttingDown } from '@syncline/runtime';
import { QueueStore } from '../redis/queue.store.js';
import type { Deliveries, Vouched, Waiter } from '../redis/scripts/delivery.scripts.js';

const TEND_MS = 500;
/** Receivers that Redis has not heard of for this long are told so; until then they keep their places. */
const OUT_OF_TOUCH_MS = 4_800;
/** Receivers of a queue that a send here vouches for. Usually the first one takes all there is. */
const MOST_VOUCHED = 16;

/** What ended a wait. */
export type WaitEnd = 'woken' | 'over' | Deliveries;
type Wish = Omit<Vouched, 'id'>;

/** A receiver for whom its node vouches. */
export interface Voucher extends Vouched {
  /** Gives it what is in flight for it. False: it does not take that any more. */
  readonly hand: (deliveries: Deliveries) => boolean;
}

/** One parked receiver. It may be woken, or handed messages, before it begins to wait: that counts. */
export class Place {
  /** Microseconds of Redis' clock; empty until Redis answered. */
  arrival = '';
  private asked = 0;
  private woken = false;
  private left = false;
  private handed: Deliveries | null = null;
  private failure: Error | null = null;
  private settle: (() => void) | null = null;

  constructor(
    readonly id: string,
    private readonly wish: Wish,
  ) {}

  get waiter(): Waiter {
    return { id: this.id, arrival: this.arrival };
  }

  /** For a receive that leaves now. */
  ask(): Waiter {
    this.asked++;
    return this.waiter;
  }

  /**
   * For a send that leaves now, after the latest receive of this one: Redis has them in that order. Should another
   * receive leave before the answer of the send is here, the receiver takes nothing from it: it may have got enough.
   */
  vouch(): Voucher | null {
    if (this.woken || this.handed !== null) return null;
    const { asked } = this;
    return {
      id: this.id,
      ...this.wish,
      hand: (deliveries) => {
        if (this.left || this.asked !== asked) return false;
        this.handed = deliveries;
        this.settle?.();
        return true;
      },
    };
  }

  wake(): void {
    this.woken = true;
    this.settle?.();
  }

  fail(error: Error): void {
    this.failure = error;
    this.settle?.();
  }

  /** From now on it takes nothing. Returns what it was handed and has not taken. */
  leave(): Deliveries | null {
    this.left = true;
    return this.handed;
  }

  /** @throws what it was failed with, or the reason of the signal, when it was handed nothing */
  async wait(ms: number, disconnect: DisconnectSignal): Promise<WaitEnd> {
    const waits = !this.woken && this.handed === null && this.failure === null;
    if (waits && !disconnect.aborted && ms > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.settle = () => {
          clearTimeout(timer);
          resolve();
        };
        disconnect.addEventListener('abort', this.settle, { once: true });
      });
      if (this.settle !== null) disconnect.removeEventListener('abort', this.settle);
      this.settle = null;
    }
    if (this.handed !== null) {
      const { handed } = this;
      this.handed = null;
      return handed;
    }
    disconnect.throwIfAborted();
    if (this.failure !== null) throw this.failure;
    const end = this.woken ? 'woken' : 'over';
    this.woken = false;
    return end;
  }
}

/**
 * The receivers that are parked at this node. Redis keeps the line of all nodes; a hint wakes one of them, and twice
 * a second the node says that they still wait, in all queues at once, and learns what hints it missed.
 */
@Injectable()
export class Line implements OnModuleDestroy {
  private readonly logger = new Logger(Line.name);
  private readonly places = new Map<string, Map<string, Place>>();
  /** Tells this process from an earlier one by the same name. */
  private readonly process = Date.now().toString(36);
  private entered = 0;
  private timer: NodeJS.Timeout | undefined;
  private outOfTouch: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: QueueStore,
    private readonly membership: Membership,
    private readonly drain: Drain,
  ) {}

  onModuleDestroy(): void {
    this.rest();
    this.failAll(new ShuttingDown());
  }

  /** @throws ShuttingDown when the node stops */
  enter(queue: string, wish: Wish): Place {
    if (this.drain.draining) throw new ShuttingDown();
    const place = new Place(`${this.membership.nodeId}#${this.process}-${this.entered++}`, wish);
    if (this.places.size === 0) {
      this.heard(performance.now());
      this.schedule();
    }
    const line = this.places.get(queue) ?? new Map<string, Place>();
    this.places.set(queue, line.set(place.id, place));
    return place;
  }

  /** Returns what the receiver was handed and has not taken. */
  leave(queue: string, place: Place): Deliveries | null {
    const line = this.places.get(queue);
    line?.delete(place.id);
    if (line?.size === 0) this.places.delete(queue);
    if (this.places.size === 0) this.rest();
    return place.leave();
  }

  /**
   * The receivers here, whose callers are on the line: a send that meets them hands them what it can without asking
   * back. Those that came first.
   */
  vouchFor(queue: string): Voucher[] {
    const vouched: Voucher[] = [];
    for (const place of this.places.get(queue)?.values() ?? []) {
      if (vouched.length === MOST_VOUCHED) break;
      const voucher = place.vouch();
      if (voucher !== null) vouched.push(voucher);
    }
    return vouched;
  }

  /** A hint: there is something for these. One that is gone passes it on. */
  wake(queue: string, ids: readonly string[]): void {
    for (const id of ids) {
      const waiterId = `${this.membership.nodeId}#${id}`;
      const place = this.places.get(queue)?.get(waiterId);
      if (place !== undefined) place.wake();
      else this.giveUp(queue, waiterId);
    }
  }

  /**
   * Tells Redis that a receiver no longer waits; when it was just woken, another one is. Should this fail, its
   * place is skipped once its lease is over.
   */
  giveUp(queue: string, waiterId: string): void {
    this.store.leaveLine(queue, waiterId).catch((error: unknown) => this.report(error));
  }

  private rest(): void {
    clearTimeout(this.timer);
    clearTimeout(this.outOfTouch);
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.tend(), TEND_MS);
  }

  /** Redis answered to what was sent at that moment. */
  private heard(at: number): void {
    clearTimeout(this.outOfTouch);
    this.outOfTouch = setTimeout(
      () => this.failAll(new StoreUnavailable('Redis cannot be reached.')),
      at + OUT_OF_TOUCH_MS - performance.now(),
    );
  }

  private async tend(): Promise<void> {
    const sentAt = performance.now();
    const parts = this.store.together([...this.places]);
    const outcomes = await Promise.allSettled(parts.map((lines) => this.tendSome(lines)));
    if (this.places.size === 0 || this.drain.draining) return;
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined) this.heard(sentAt);
    else this.report(failed.reason);
    this.schedule();
  }

  private async tendSome(lines: readonly (readonly [string, ReadonlyMap<string, Place>])[]): Promise<void> {
    const parked = lines.map(([queue, line]) => ({
      queue,
      places: [...line.values()].filter(({ arrival }) => arrival !== ''),
    }));
    const counts = await this.store.tendLines(
      parked.map(({ queue, places }) => ({ queue, waiters: places.map(({ waiter }) => waiter) })),
    );
    for (const [i, { places }] of parked.entries()) {
      const count = counts[i];
      // Null: the queue is gone, and all should learn of it.
      for (const place of places.slice(0, count ?? places.length)) place.wake();
    }
  }

  private failAll(error: Error): void {
    for (const line of this.places.values()) for (const place of line.values()) place.fail(error);
  }

  private report(error: unknown): void {
    if (!(error instanceof StoreUnavailable)) this.logger.error(error);
  }
}
