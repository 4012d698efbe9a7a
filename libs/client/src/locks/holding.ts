import { LeaseLostError } from '../errors.js';
import type { Holdings } from './holdings.js';
import type { Term } from './term.js';

/**
 * Something that is held, renewed in the background and released once. It keeps the process alive until it is released
 * or lost, or its client is closed.
 */
export abstract class Holding implements AsyncDisposable {
  private released: Promise<void> | undefined;
  /** The routine that runs while this is held, and that releases it. */
  private routine: Promise<unknown> | undefined;

  protected constructor(
    private readonly term: Term,
    private readonly sendRelease: () => Promise<unknown>,
    holdings: Holdings,
  ) {
    term.onEnd = holdings.add(this);
  }

  /** Aborts with a {@link LeaseLostError} before another owner can get the lease. */
  get signal(): AbortSignal {
    return this.term.signal;
  }

  /** Milliseconds for which the lease is certainly held without another renewal; 0 when lost or released. */
  get remainingMs(): number {
    return this.term.remainingMs;
  }

  get isHeld(): boolean {
    return this.term.remainingMs > 0;
  }

  /**
   * Releases it. A second call has the same outcome, or tries again when no node was reached.
   *
   * @throws {LeaseLostError} it was lost before
   * @throws {SynclineError} no node was reached: call it again, or it ends with its TTL
   */
  release(): Promise<void> {
    this.released ??= this.end();
    return this.released;
  }

  /** Releases it and ignores failures, so that an error of the block is not replaced. After a failure its TTL ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => undefined);
  }

  /** @internal */
  wake(): void {
    this.term.wake();
  }

  /** @internal */
  unref(): void {
    this.term.unref();
  }

  /**
   * The client is closed: aborts the signal, waits for the routine that runs under it, and releases it.
   *
   * @internal
   */
  async close(): Promise<void> {
    this.term.lose(LeaseLostError.local('The client was closed'));
    await this.routine?.catch(() => undefined);
    await this[Symbol.asyncDispose]();
  }

  /** @internal */
  run<T>(routine: () => Promise<T>): Promise<T> {
    const running = routine();
    this.routine = running;
    return running;
  }

  private async end(): Promise<void> {
    this.term.end();
    try {
      // Also after a loss: perhaps only this client lost contact, and others wait for the lock.
      await this.sendRelease();
    } catch (error) {
      if (!(error instanceof LeaseLostError)) this.released = undefined;
      throw this.term.loss ?? error;
    }
    if (this.term.loss !== undefined) throw this.term.loss;
  }
}

/**
 * Runs a routine under a holding, and releases it.
 *
 * @throws what the routine throws, always
 * @throws {LeaseLostError} the routine returned, but the lease was lost before
 */
export async function runHolding<H extends Holding, T>(
  holding: H,
  outer: AbortSignal | undefined,
  routine: (holding: H, signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const signal = outer === undefined ? holding.signal : AbortSignal.any([holding.signal, outer]);
  let result: T;
  try {
    result = await holding.run(async () => routine(holding, signal));
  } catch (error) {
    await holding[Symbol.asyncDispose]();
    throw error;
  }
  await holding.release().catch((error: unknown) => {
    // The routine ended under the lease. If no node was reached, the TTL ends the lease.
    if (error instanceof LeaseLostError) throw error;
  });
  return result;
}
