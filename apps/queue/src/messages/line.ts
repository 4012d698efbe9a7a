import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { Drain, ShuttingDown } from '@syncline/http';
import { StoreUnavailable } from '@syncline/redis';
import { QueueStore } from './queue.store.js';
import type { Waiter } from './scripts/delivery.scripts.js';

const TEND_MS = 1_000;
const RETRY_MS = 500;
/** Receivers that Redis has not heard of for this long are told so. */
const OUT_OF_TOUCH_MS = 2_500;

/** One parked receiver. It may be woken before it begins to wait: that counts. */
export class Place {
  /** Microseconds of Redis' clock; empty until Redis answered. */
  arrival = '';
  private woken = false;
  private failure: Error | null = null;
  private settle: (() => void) | null = null;

  constructor(readonly id: string) {}

  get waiter(): Waiter {
    return { id: this.id, arrival: this.arrival };
  }

  wake(): void {
    this.woken = true;
    this.settle?.();
  }

  fail(error: Error): void {
    this.failure = error;
    this.settle?.();
  }

  /**
   * @returns true when woken, false when the time is over
   * @throws what it was failed with, or the reason of the signal
   */
  async wait(ms: number, hangUp: AbortSignal): Promise<boolean> {
    if (!this.woken && this.failure === null && !hangUp.aborted && ms > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.settle = () => {
          clearTimeout(timer);
          resolve();
        };
        hangUp.addEventListener('abort', this.settle, { once: true });
      });
      if (this.settle !== null) hangUp.removeEventListener('abort', this.settle);
      this.settle = null;
    }
    hangUp.throwIfAborted();
    if (this.failure !== null) throw this.failure;
    const wasWoken = this.woken;
    this.woken = false;
    return wasWoken;
  }
}

/**
 * The receivers that are parked at this node. Redis keeps the line of all nodes; a hint wakes one of them, and once
 * a second the node says that they still wait and learns what hints it missed.
 */
@Injectable()
export class Line implements OnModuleDestroy {
  private readonly logger = new Logger(Line.name);
  private readonly places = new Map<string, Map<string, Place>>();
  /** Tells this process from an earlier one by the same name. */
  private readonly process = Date.now().toString(36);
  private entered = 0;
  private timer: NodeJS.Timeout | undefined;
  private heardAt = 0;

  constructor(
    private readonly store: QueueStore,
    private readonly membership: Membership,
    private readonly drain: Drain,
  ) {}

  onModuleDestroy(): void {
    clearTimeout(this.timer);
    this.failAll(new ShuttingDown());
  }

  /** @throws ShuttingDown when the node stops */
  enter(queue: string): Place {
    if (this.drain.draining) throw new ShuttingDown();
    const place = new Place(`${this.membership.nodeId}#${this.process}-${this.entered++}`);
    if (this.places.size === 0) {
      this.heardAt = performance.now();
      this.schedule(TEND_MS);
    }
    const line = this.places.get(queue) ?? new Map<string, Place>();
    this.places.set(queue, line.set(place.id, place));
    return place;
  }

  leave(queue: string, place: Place): void {
    const line = this.places.get(queue);
    line?.delete(place.id);
    if (line?.size === 0) this.places.delete(queue);
    if (this.places.size === 0) clearTimeout(this.timer);
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

  private schedule(ms: number): void {
    this.timer = setTimeout(() => void this.tend(), ms);
  }

  private async tend(): Promise<void> {
    const sentAt = performance.now();
    const outcomes = await Promise.allSettled(
      [...this.places].map(([queue, line]) => this.tendOne(queue, line)),
    );
    if (this.places.size === 0 || this.drain.draining) return;
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined) {
      this.heardAt = sentAt;
      this.schedule(TEND_MS);
      return;
    }
    this.report(failed.reason);
    if (performance.now() - this.heardAt > OUT_OF_TOUCH_MS) {
      this.failAll(new StoreUnavailable('Redis cannot be reached.'));
    }
    this.schedule(RETRY_MS);
  }

  private async tendOne(queue: string, line: ReadonlyMap<string, Place>): Promise<void> {
    const places = [...line.values()].filter(({ arrival }) => arrival !== '');
    const count = await this.store.tendLine(
      queue,
      places.map(({ waiter }) => waiter),
    );
    // Null: the queue is gone, and all should learn of it.
    for (const place of places.slice(0, count ?? places.length)) place.wake();
  }

  private failAll(error: Error): void {
    for (const line of this.places.values()) for (const place of line.values()) place.fail(error);
  }

  private report(error: unknown): void {
    if (!(error instanceof StoreUnavailable)) this.logger.error(error);
  }
}
