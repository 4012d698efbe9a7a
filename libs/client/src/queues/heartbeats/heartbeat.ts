import { clock } from '../../clock.js';
import type { CancelWatch } from '../worker/cancel-watch.js';
import type { Delivery } from '../worker/delivery.js';
import type { HeldDeliveries } from '../worker/held-deliveries.js';
import type { MessageSource } from '../worker/message-source.js';
import type { Guard } from './heartbeat-thread.js';

const MAX_BATCH = 1_000;

/** Extends the visibility timeout of all messages that a worker holds, each third of it. */
export class Heartbeat<Body> {
  private timer: NodeJS.Timeout | undefined;
  private visibilityTimeoutMs = 0;

  constructor(
    private readonly queue: Pick<MessageSource<Body>, 'extend'>,
    private readonly held: HeldDeliveries<Body>,
    private readonly guard: Guard,
    private readonly cancels: CancelWatch<Body>,
    private readonly report: (error: unknown, message: undefined) => void,
  ) {}

  /** Messages were received with this visibility timeout, which began at `askedAt` of the clock or later. */
  begin(visibilityTimeoutMs: number, askedAt: number): void {
    const isFirst = this.timer === undefined;
    const hasChanged = !isFirst && visibilityTimeoutMs !== this.visibilityTimeoutMs;
    this.visibilityTimeoutMs = visibilityTimeoutMs;
    // The answer does not say how long the node waited: after a long wait, extend at once.
    if (hasChanged || clock.now() - askedAt > visibilityTimeoutMs / 3) void this.extendAll();
    else if (isFirst) this.extendLater();
  }

  /** Extends one message, and tells how far its handler is. */
  async tell(delivery: Delivery<Body>, progress: unknown): Promise<void> {
    if (this.held.has(delivery)) await this.extend([delivery], progress);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.guard.close();
  }

  private extendLater(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.extendAll(), this.visibilityTimeoutMs / 3);
  }

  /** Extends all, and schedules the next extension. */
  private async extendAll(): Promise<void> {
    this.extendLater();
    const held = this.held.all();
    const batches: Promise<void>[] = [];
    for (let from = 0; from < held.length; from += MAX_BATCH) {
      batches.push(this.extend(held.slice(from, from + MAX_BATCH)));
    }
    await Promise.all(batches);
  }

  private async extend(deliveries: readonly Delivery<Body>[], progress?: unknown): Promise<void> {
    const { visibilityTimeoutMs } = this;
    const sentAt = clock.now();
    // Another worker may have the message now: abort the handler.
    const lose = (delivery: Delivery<Body>) =>
      delivery.lose('the worker no longer holds the message: it is delivered again');
    // Give up before the next extension: a node that does not answer must not delay the check below.
    const signal = AbortSignal.timeout(Math.ceil(visibilityTimeoutMs / 3));
    try {
      const receipts = deliveries.map(({ message }) => message.receipt);
      const results = await this.queue.extend(receipts, visibilityTimeoutMs, { progress, signal });
      const isExtended = (_: unknown, i: number) => results[i]?.status === 'extended';
      for (const delivery of deliveries.filter(isExtended)) {
        delivery.heldUntil = sentAt + visibilityTimeoutMs;
        if (this.held.has(delivery)) this.guard.extended(delivery.slot, clock.now() - sentAt);
      }
      const stale = deliveries.filter((delivery, i) => !isExtended(delivery, i) && this.held.has(delivery));
      if (stale.length > 0) await this.cancels.ask(stale, 0, signal).catch(() => undefined);
      for (const delivery of stale) lose(delivery);
    } catch (error) {
      // The answer to an event loop that was blocked comes too late; the thread had one in time.
      if (!deliveries.every(({ slot }) => this.guard.isKept(slot))) this.report(error, undefined);
    }
    for (const delivery of deliveries) {
      const isOver = delivery.heldUntil <= clock.now() && !this.guard.isKept(delivery.slot);
      if (isOver && this.held.has(delivery)) lose(delivery);
    }
  }
}
