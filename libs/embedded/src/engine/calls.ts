import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError, clock, type Timed, toError, warn } from '@syncline/client/ports';
import { Problem } from '@syncline/contracts';
import { StoreUnavailable } from '@syncline/redis';
import { ClientDisconnected, ClientLink, type DisconnectSignal } from '@syncline/runtime';

/** Calls are repeated while Redis cannot be reached, unless this time has passed. The last try may take 2 s more. */
const REPEAT_WITHIN_MS = 2_500;
const PAUSE_MS = 100;
const RETRY_AFTER_MS = 1_000;

/** For calls that nothing ends early. */
export const NEVER: DisconnectSignal = {
  aborted: false,
  reason: undefined,
  throwIfAborted: () => {},
  addEventListener: () => {},
  removeEventListener: () => {},
};

/** How a call is made. */
export interface CallOptions {
  /** Whether it may have its effect twice. Default true: it has an id, or only reads. */
  readonly repeatable?: boolean;
  /** Time after which it is not repeated. */
  readonly timeoutMs?: number;
}

/** What may end a call that waits, or that takes long. */
export interface ParkOptions {
  readonly waitMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onAttempt?: (() => void) | undefined;
}

/** Calls the services of an engine in this process. The caller gets the errors that it would get from a node. */
export class Calls {
  /** Deadline of a call, not counting a wait. */
  readonly timeoutMs = 5_000;
  private readonly links = new Set<ClientLink>();
  private closed = false;

  constructor(private readonly nodeId: string) {}

  get isClosed(): boolean {
    return this.closed;
  }

  /** Calls a service. */
  async call<T>(run: () => T | Promise<T>, options?: CallOptions): Promise<T> {
    return (await this.timed(run, options)).body;
  }

  /** Calls a service, and says when. */
  async timed<T>(run: () => T | Promise<T>, options: CallOptions = {}): Promise<Timed<T>> {
    const firstSentAt = clock.now();
    for (let sentAt = firstSentAt; ; sentAt = clock.now()) {
      if (this.closed) throw new ConnectionError('The client was closed', 'not-sent');
      try {
        return { body: await run(), firstSentAt, sentAt };
      } catch (error) {
        if (!this.isRepeated(error, clock.now() - firstSentAt, options)) throw this.errorOf(error);
      }
      await sleep(PAUSE_MS);
    }
  }

  /**
   * Calls a service that may park the call.
   *
   * @param run gets what is left of `waitMs`, and a signal that aborts when the caller does not wait any more
   * @throws the reason of `signal`
   */
  async park<T>(
    run: (disconnect: DisconnectSignal, waitMs: number) => T | Promise<T>,
    { waitMs = 0, signal, onAttempt }: ParkOptions,
  ): Promise<Timed<T>> {
    signal?.throwIfAborted();
    const startedAt = performance.now();
    const { disconnect, detach } = this.attach(signal);
    const attempt = () => {
      onAttempt?.();
      return run(disconnect, Math.max(0, Math.round(waitMs - (performance.now() - startedAt))));
    };
    try {
      return await this.timed(attempt);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      detach();
    }
  }

  /** For what lasts: a signal that aborts as the caller's does, or when this is closed. Detach it in the end. */
  attach(signal: AbortSignal | undefined): { disconnect: DisconnectSignal; detach: () => void } {
    const link = new ClientLink();
    const onAbort = () => link.disconnect();
    this.links.add(link);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted || this.closed) onAbort();
    const detach = () => {
      this.links.delete(link);
      signal?.removeEventListener('abort', onAbort);
    };
    return { disconnect: link, detach };
  }

  /** Calls in flight, and later ones, fail. */
  close(): void {
    this.closed = true;
    for (const link of this.links) link.disconnect();
  }

  private isRepeated(error: unknown, passedMs: number, options: CallOptions): boolean {
    const { repeatable = true, timeoutMs = REPEAT_WITHIN_MS } = options;
    const limit = Math.min(timeoutMs, REPEAT_WITHIN_MS);
    return repeatable && !this.closed && error instanceof StoreUnavailable && passedMs + PAUSE_MS < limit;
  }

  private errorOf(error: unknown): unknown {
    if (this.closed) return new ConnectionError('The client was closed', 'unknown', { cause: error });
    // The caller of `park` knows why.
    if (error instanceof ClientDisconnected) return error;
    return toClientError(error instanceof Problem ? error : unforeseen(error), this.nodeId);
  }
}

function unforeseen(error: unknown): Problem {
  warn(error);
  return new Problem('internal-error', 'The engine failed. A warning has the details.', {}, { cause: error });
}

/** A problem of an engine as the error that a node's answer becomes; another error stays. */
export function toClientError(error: unknown, nodeId?: string): unknown {
  if (!(error instanceof Problem)) return error;
  const retryAfterMs = error.status === 503 ? RETRY_AFTER_MS : undefined;
  const body = error.toBody(`urn:syncline:member:${nodeId ?? ''}`);
  const told = toError(error.status, body, { nodeId, requestId: undefined, retryAfterMs });
  if (error.cause !== undefined) told.cause = error.cause;
  return told;
}
