import type { Delivery } from './delivery.js';
import type { MessageSource } from './message-source.js';

/** Messages that are done sooner are not watched, which costs nothing; the others between this time and twice this time later. */
const AFTER_MS = 200;
const WAIT_MS = 20_000;
/** Most receipts in one request. */
const MOST = 1_000;

/**
 * Learns at once when a message was cancelled that a worker has had for a while. When a call fails, the heartbeat of the
 * worker finds it out.
 */
export class CancelWatch<Body> {
  private timer: NodeJS.Timeout | undefined;
  /** Deliveries up to this number are watched, or were to be. */
  private watchedTo = 0;
  private seenTo = 0;
  private watching = new AbortController();

  /** @param held the deliveries that the worker holds now, in the order of their numbers */
  constructor(
    private readonly queue: Pick<MessageSource<Body>, 'watch'>,
    private readonly held: () => readonly Delivery<Body>[],
  ) {}

  /** The worker holds another message. */
  look(): void {
    this.timer ??= setTimeout(() => this.watchLater(), AFTER_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.watching.abort();
  }

  /** Cancels those of the deliveries that were cancelled. @throws what the call throws */
  async ask(deliveries: readonly Delivery<Body>[], waitMs: number, signal: AbortSignal): Promise<void> {
    const some = deliveries.slice(-MOST);
    const cancelled = await this.queue.watch(
      some.map(({ message }) => message.receipt),
      waitMs,
      signal,
    );
    const reasons = new Map(cancelled.map(({ receipt, reason }) => [receipt, reason]));
    for (const delivery of some) {
      const reason = reasons.get(delivery.message.receipt);
      if (reason !== undefined) delivery.cancel(reason);
    }
  }

  private watchLater(): void {
    this.timer = undefined;
    const held = this.living();
    const last = held.at(-1)?.number ?? 0;
    const old = held.filter(({ number }) => number <= this.seenTo);
    const lastOld = old.at(-1)?.number ?? 0;
    this.seenTo = last;
    if (lastOld > this.watchedTo) {
      this.watchedTo = lastOld;
      this.watching.abort();
      this.watching = new AbortController();
      void this.watch(this.watching.signal);
    }
    if (last > this.watchedTo) this.look();
  }

  private async watch(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        const old = this.living().filter(({ number }) => number <= this.watchedTo);
        if (old.length === 0 || signal.aborted) return;
        await this.ask(old, WAIT_MS, signal);
      }
    } catch {
      // The heartbeat of the worker finds out.
    }
  }

  private living(): readonly Delivery<Body>[] {
    return this.held().filter(({ isAnswered, isLost }) => !isAnswered && !isLost);
  }
}
