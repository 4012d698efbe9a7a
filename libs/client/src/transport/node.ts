import { type Dispatcher, Pool } from 'undici';
import { ConnectionError } from '../errors.js';

/** Longest time to open a connection. */
const CONNECT_TIMEOUT_MS = 2_000;
/** How often a node with parked requests is asked whether it lives, and how long its answer may take. */
const PROBE_EVERY_MS = 1_000;
const PROBE_TIMEOUT_MS = 2_000;
const PENALTY_MS = 1_000;

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array | undefined;
  /** Longest time until the answer is complete. */
  readonly timeoutMs: number;
  /** The node may hold the answer back: watch meanwhile that the node lives. */
  readonly parks: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: Buffer;
  /** `performance.now()` just before the request was handed to the connection. */
  readonly sentAt: number;
}

/** One node: its kept-alive connections, and whether it is to be avoided for the moment. */
export class Node {
  private readonly pool: Pool;
  private readonly parked = new Set<(error: ConnectionError) => void>();
  private readonly prefix: string;
  private prober: NodeJS.Timeout | undefined;
  /** Avoid the node until then, by `performance.now()`. */
  avoidUntil = 0;
  private underWay = 0;

  constructor(readonly url: string) {
    const { origin, pathname } = new URL(url);
    this.prefix = pathname.replace(/\/$/, '');
    this.pool = new Pool(origin, {
      connect: { timeout: CONNECT_TIMEOUT_MS },
      // Deadlines are ours: a parked request may take ten minutes.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Requests without an answer yet, those aside that the node may hold back. */
  get busy(): number {
    return this.underWay;
  }

  /** Keeps calls away for a second, or for as long as the node wishes. */
  penalise(ms: number = PENALTY_MS): void {
    this.avoidUntil = performance.now() + ms;
  }

  /**
   * One request and its whole answer, whatever its status.
   *
   * @throws {ConnectionError} no answer, because of the network or of `timeoutMs`
   * @throws the reason of `signal`
   */
  exchange(request: Exchange): Promise<Answer> {
    const { method, path, headers, body, timeoutMs, signal } = request;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const sentAt = performance.now();
      let controller: Dispatcher.DispatchController | undefined;
      let failure: { reason: unknown } | undefined;
      let status = 0;
      let answerHeaders: Answer['headers'] = {};
      const chunks: Buffer[] = [];
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        if (request.parks) this.unpark(fail);
        else this.underWay--;
      };
      const fail = (reason: unknown) => {
        if (failure !== undefined) return;
        failure = { reason };
        settle();
        reject(reason);
        controller?.abort(asError(reason));
      };
      const lost = (why: string, cause?: unknown) =>
        fail(
          new ConnectionError(
            `${this.url} ${why}`,
            controller === undefined ? 'not-sent' : 'unknown',
            cause === undefined ? undefined : { cause },
          ),
        );
      const onAbort = () => fail(signal?.reason);
      const timer = setTimeout(() => lost(`did not answer within ${Math.round(timeoutMs)} ms`), timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (request.parks) this.park(fail);
      else this.underWay++;
      this.pool.dispatch(
        { method, path: this.prefix + path, headers, body: body ?? null },
        {
          onRequestStart(started) {
            controller = started;
            if (failure !== undefined) started.abort(asError(failure.reason));
          },
          onResponseStart(_, statusCode, received) {
            // Informational answers (1xx) come before the real one.
            status = statusCode;
            answerHeaders = received as Answer['headers'];
          },
          onResponseData(_, chunk) {
            chunks.push(chunk);
          },
          onResponseEnd() {
            if (failure !== undefined) return;
            settle();
            const whole = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
            resolve({ status, headers: answerHeaders, body: whole, sentAt });
          },
          onResponseError: (_, error) => lost(`is not reachable: ${error.message}`, error),
        },
      );
    });
  }

  /** Opens a stream of server-sent events; the caller reads it to its end or aborts. */
  async stream(path: string, headers: Record<string, string>, signal: AbortSignal) {
    try {
      return await this.pool.request({ method: 'GET', path: this.prefix + path, headers, signal });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new ConnectionError(`${this.url} is not reachable: ${String(error)}`, 'not-sent', {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    clearInterval(this.prober);
    await this.pool.destroy();
  }

  private park(fail: (error: ConnectionError) => void): void {
    this.parked.add(fail);
    this.prober ??= setInterval(() => void this.probe(), PROBE_EVERY_MS).unref();
  }

  private unpark(fail: (error: ConnectionError) => void): void {
    this.parked.delete(fail);
    if (this.parked.size > 0) return;
    clearInterval(this.prober);
    this.prober = undefined;
  }

  /** A frozen node keeps its connections open and says nothing: without this its waiters would wait in vain. */
  private async probe(): Promise<void> {
    try {
      await this.exchange({
        method: 'GET',
        path: '/health/live',
        headers: {},
        timeoutMs: PROBE_TIMEOUT_MS,
        parks: false,
      });
    } catch (error) {
      this.penalise();
      for (const fail of [...this.parked]) {
        fail(new ConnectionError(`${this.url} does not answer any more`, 'unknown', { cause: error }));
      }
    }
  }
}

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason), { cause: reason });
