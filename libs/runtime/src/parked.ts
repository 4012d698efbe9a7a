import type { DisconnectSignal } from './disconnect-signal.js';
import { type Drain, ShuttingDown } from './drain.js';
import { InFlight } from './in-flight.js';

/**
 * A request that waits in this process for its result. Create it before calling Redis, because the result may arrive before
 * the reply of Redis. It ends once: later calls of `end` and `fail` return false.
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
    // Perhaps nobody awaits the result.
    this.ended.catch(() => {});
  }

  /** True until it ends. */
  get open(): boolean {
    return this.isOpen;
  }

  /** Ends it with its result. Returns false when it had already ended. */
  end(result: Result): boolean {
    const { isOpen } = this;
    this.isOpen = false;
    this.resolve(result);
    return isOpen;
  }

  /** Ends it with an error. Returns false when it had already ended. */
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
   * @param onDeadline called at the deadline; it ends the request, now or soon
   * @param disconnect when it aborts, the request fails with its reason
   * @throws the error given to `fail`
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

/** The parked requests of this process, by id. They fail with {@link ShuttingDown} when the process stops. */
export class Parked<Result> extends InFlight<ParkedRequest<Result>> {
  constructor(private readonly drain: Drain) {
    super();
    drain.track(this);
    // One listener for all requests: a signal compares each added listener with all others.
    drain.signal.addEventListener('abort', () => this.failAll(new ShuttingDown()));
  }

  /** @throws ShuttingDown when the process is stopping */
  enter(id: string): ParkedRequest<Result> {
    if (this.drain.draining) throw new ShuttingDown();
    const request = new ParkedRequest<Result>();
    this.set(id, request);
    return request;
  }

  /** Fails all parked requests, for example when Redis cannot be reached. */
  failAll(error: Error): void {
    for (const request of this.values()) request.fail(error);
  }
}
