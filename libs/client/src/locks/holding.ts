import { LeaseLostError } from '../errors.js';
import type { Holdings } from './holdings.js';
import type { Term } from './term.js';

/**
 * Something that is held for a time, renewed in the background, and given back once. It keeps the process alive until
 * it is released or lost, or its client is closed.
 */
export abstract class Holding implements AsyncDisposable {
  private returned: Promise<void> | undefined;
  /** A routine that runs while it is held, and gives it back. */
  private routine: Promise<unknown> | undefined;

  protected constructor(
    private readonly term: Term,
    private readonly giveBack: () => Promise<unknown>,
    holdings: Holdings,
  ) {
    term.onEnd = holdings.add(this);
  }

  /** Aborts with a {@link LeaseLostError} before the lease can be somebody else's. */
  get signal(): AbortSignal {
    return this.term.signal;
  }

  /** Milliseconds for which it is surely held without another renewal; 0 when lost or released. */
  get remainingMs(): number {
    return this.term.remainingMs;
  }

  get isHeld(): boolean {
    return this.term.remainingMs > 0;
  }

  /**
   * Gives it back; again: the same outcome, or another try when no node could be told.
   *
   * @throws {LeaseLostError} it was lost before
   * @throws {SynclineError} no node could be told: call it again, or it ends with its TTL
   */
  release(): Promise<void> {
    this.returned ??= this.end();
    return this.returned;
  }

  /** Releases without a word about failures, so that the error of the block is not replaced: its TTL ends it anyway. */
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
   * Its client is closed: tells whoever holds it, waits for the routine that runs under it, and gives it back.
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
      // Also after a loss: it may have been one of sight only, and others wait.
      await this.giveBack();
    } catch (error) {
      if (!(error instanceof LeaseLostError)) this.returned = undefined;
      throw this.term.loss ?? error;
    }
    if (this.term.loss !== undefined) throw this.term.loss;
  }
}

/**
 * Runs a routine while something is held, and gives it back.
 *
 * @throws what the routine throws, always
 * @throws {LeaseLostError} the routine came to its end, but the lease was lost before that
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
    // The work is done under the lease; that no node could be told is mended by the TTL.
    if (error instanceof LeaseLostError) throw error;
  });
  return result;
}
