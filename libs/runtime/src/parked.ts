import type { DisconnectSignal } from './disconnect-signal.js';
import { type Drain, ShuttingDown } from './drain.js';
import { InFlight } from './in-flight.js';

/**
 * A request that waits in this process for its result. It is made before Redis hears of it, because its result may
 * arrive before Redis' reply; and it ends once: what comes later is told that it came too late.
 */
export class ParkedRequest<Result> {
  private readonly ended: Promise<Result>;
  private resolve: (result: Result) => void = () => {};
  private reject: (error: unknown) => void = () => {};
  private isOpen = true;

  constructor() {
    this.ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Its result may never be waited for.
    this.ended.catch(() => {});
  }

  /** True until it ended. */
  get open(): boolean {
    return this.isOpen;
  }

  /** Ends it with its result. False: it had ended before. */
  end(result: Result): boolean {
    const { isOpen } = this;
    this.isOpen = false;
    this.resolve(result);
    return isOpen;
  }

  /** Ends it with an error. False: it had ended before. */
  fail(error: unknown): boolean {
    const { isOpen } = this;
    this.isOpen = false;
    this.reject(error);
    return isOpen;
  }

  /**
   * Waits until it ends.
   *
   * @param waitMs     ms from now
   * @param onDeadline called then; it ends the request, now or soon
   * @param disconnect its client went away: fails with the reason of the signal
   * @throws what it was failed with
   */
  async wait(waitMs: number, onDeadline: () => void, disconnect?: DisconnectSignal): Promise<Result> {
    const onDisconnect = () => this.fail(disconnect?.reason);
    if (disconnect?.aborted) onDisconnect();
    if (!this.isOpen) return this.ended;
    const deadline = setTimeout(onDeadline, waitMs);
    disconnect?.addEventListener('abort', onDisconnect);
    try {
      return await this.ended;
    } finally {
      clearTimeout(deadline);
      disconnect?.removeEventListener('abort', onDisconnect);
    }
  }
}

/** The requests that wait in this process, by their ids. They fail with {@link ShuttingDown} when it stops. */
export class Parked<Result> extends InFlight<ParkedRequest<Result>> {
  constructor(private readonly drain: Drain) {
    super();
    // One listener for all: a signal looks through its listeners at each one that is added.
    drain.signal.addEventListener('abort', () => this.failAll(new ShuttingDown()));
  }

  /** @throws ShuttingDown when the process stops */
  enter(id: string): ParkedRequest<Result> {
    if (this.drain.draining) throw new ShuttingDown();
    const request = new ParkedRequest<Result>();
    this.set(id, request);
    return request;
  }

  /** Ends all that waits, as when Redis is out of reach. */
  failAll(error: Error): void {
    for (const request of this.values()) request.fail(error);
  }
}
