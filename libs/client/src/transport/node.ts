import { isNativeError } from 'node:util/types';
import { type Dispatcher, Pool } from 'undici';
import { clock } from '../clock.js';
import { ConnectionError, TlsError } from '../errors.js';
import { textOf } from '../report.js';
import { CANCELLED, CallStream } from './call-stream.js';
import { Liveness } from './liveness.js';
import { type TlsOptions, tlsFault } from './tls.js';

/** Timeout for opening a connection. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Timeout of a liveness probe. */
const PROBE_TIMEOUT_MS = 2_000;
/** Timeouts of an event stream: until it starts, and between two events or comments. A node sends one every 5 s. */
const EVENTS_BEGIN_MS = 5_500;
const EVENTS_SILENCE_MS = 12_000;
/** When a caller gives up, how long to wait for an answer that is already on its way. */
const LATE_MS = 1_000;
/** Open a call stream after this many calls, so that a single call does not open one. */
const CALLS_BEFORE_STREAM = 8;
/** Delay before the next try: after a stream ended, and after the node or a proxy refused to open one. */
const REOPEN_AFTER_MS = 1_000;
const REFUSED_FOR_MS = 10_000;

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** In addition to the common headers. */
  readonly headers?: Record<string, string> | undefined;
  /** The header of that name, which calls of a stream can have, too. */
  readonly traceparent?: string | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** Timeout until the answer is complete. */
  readonly timeoutMs: number;
  /** The node may park the request. */
  readonly parks: boolean;
  /** Probe the node while the request is in flight, and fail when it stops answering. */
  readonly watched: boolean;
  readonly signal?: AbortSignal | undefined;
  /** As in `Call`. */
  readonly takesLateAnswer?: boolean | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  /** Bytes; an answer from a call stream is already parsed. */
  readonly body: Buffer | Parsed;
  /** Just before the request was handed to the connection, by {@link clock}. */
  readonly sentAt: number;
}

/** JSON that is already parsed. */
export class Parsed {
  constructor(readonly value: unknown) {}
}

/** Gets the progress and the outcome of an exchange. */
interface Receiver {
  /** @param cancel asks the node to end the call and to answer; undefined when only `abort` can end it */
  started(abort: (reason: Error) => void, cancel?: () => void): void;
  answered(status: number, headers: Answer['headers'], body: Answer['body']): void;
  lost(why: string, begun: boolean, cause?: unknown): void;
}

/** One node: its kept-alive connections, and whether to avoid it for now. */
export class Node {
  private readonly pool: Pool;
  private readonly prefix: string;
  private readonly liveness: Liveness;
  private inFlight = 0;

  /** The stream for new calls. `streams` also has retired ones that still have calls in flight. */
  private stream: CallStream | undefined;
  private readonly streams = new Set<CallStream>();
  /** How many calls a stream could have carried, and the earliest time to open one, by `performance.now()`. */
  private streamable = 0;
  private streamFrom = 0;

  /** @param common headers of all requests, such as `Authorization` */
  constructor(
    readonly url: string,
    private readonly common: Record<string, string>,
    private readonly tls: TlsOptions,
  ) {
    const { origin, pathname } = new URL(url);
    this.prefix = pathname.replace(/\/$/, '');
    this.liveness = new Liveness(url, () =>
      this.exchange({
        method: 'GET',
        path: '/health/live',
        timeoutMs: PROBE_TIMEOUT_MS,
        parks: false,
        watched: false,
      }),
    );
    this.pool = new Pool(origin, {
      connect: { timeout: CONNECT_TIMEOUT_MS, ...tls },
      // `exchange` has its own timeout: a parked request may take ten minutes.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Number of requests in flight, without those that the node may park. */
  get busy(): number {
    return this.inFlight;
  }

  /** Whether calls now go over the call stream: then they arrive in the order in which they are made. */
  get streaming(): boolean {
    return this.stream?.takes('') ?? false;
  }

  /** Whether a short POST goes over the call stream now. Asking counts as a call that a stream could have carried. */
  prefersStream(): boolean {
    return this.streamFor(false)?.takes('') ?? false;
  }

  /** Avoid the node until this time of `performance.now()`. */
  get avoidUntil(): number {
    return this.liveness.avoidUntil;
  }

  /** Avoids the node for a second, or for as long as its `Retry-After` says. */
  penalise(ms?: number): void {
    this.liveness.penalise(ms);
  }

  /** Avoids the node until it answers a probe. */
  suspect(): void {
    this.liveness.suspect();
  }

  /**
   * Sends one request and returns its whole answer, with any status. Uses the call stream of the node when there is one.
   *
   * @throws {ConnectionError} no answer, because of the network or of `timeoutMs`
   * @throws the reason of `signal`
   */
  exchange(request: Exchange): Promise<Answer> {
    const { timeoutMs, signal } = request;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const sentAt = clock.now();
      let abort: ((reason: Error) => void) | undefined;
      let cancel: (() => void) | undefined;
      let failure: Error | undefined;
      let watched = 0;
      let late: NodeJS.Timeout | undefined;
      const settle = () => {
        clearTimeout(timer);
        clearTimeout(late);
        signal?.removeEventListener('abort', onAbort);
        if (request.watched) this.liveness.unwatch(watched);
        if (!request.parks) this.inFlight--;
      };
      const fail = (reason: unknown) => {
        if (failure !== undefined) return;
        failure = asError(reason);
        settle();
        reject(reason);
        abort?.(failure);
      };
      const lost = (why: string, begun: boolean, cause?: unknown) =>
        fail(this.failure(why, begun ? 'unknown' : 'not-sent', cause));
      const onAbort = () => {
        const giveUp = () => fail(signal?.reason);
        if (!request.takesLateAnswer || abort === undefined) {
          giveUp();
          return;
        }
        cancel?.();
        late = setTimeout(giveUp, LATE_MS);
      };
      const timer = setTimeout(() => {
        // The connection may be broken: the next call uses another one.
        this.retireStream();
        lost(`did not answer within ${Math.round(timeoutMs)} ms`, abort !== undefined);
      }, timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (request.watched) watched = this.liveness.watch(fail);
      if (!request.parks) this.inFlight++;
      this.dispatch(request, {
        started(by, askFor) {
          abort = by;
          cancel = askFor;
          if (failure !== undefined) by(failure);
        },
        answered(status, headers, body) {
          if (failure !== undefined) return;
          settle();
          if (status === CANCELLED && signal?.aborted) reject(signal.reason);
          else resolve({ status, headers, body, sentAt });
        },
        lost,
      });
    });
  }

  /**
   * Opens a stream of server-sent events; the caller reads it to its end or aborts. The stream breaks off when the node
   * stops answering probes or sends nothing for too long.
   *
   * @throws {ConnectionError} the stream did not start
   * @throws the reason of `signal`
   */
  async events(path: string, headers: Record<string, string>, signal: AbortSignal) {
    const dead = new AbortController();
    const watched = this.liveness.watch((error) => dead.abort(error));
    try {
      const response = await this.pool.request({
        method: 'GET',
        path: this.prefix + path,
        headers: { ...this.common, ...headers },
        signal: AbortSignal.any([signal, dead.signal]),
        headersTimeout: EVENTS_BEGIN_MS,
        bodyTimeout: EVENTS_SILENCE_MS,
      });
      response.body.once('close', () => this.liveness.unwatch(watched));
      response.body.once('error', () => {
        if (!signal.aborted) this.liveness.penalise();
      });
      return response;
    } catch (error) {
      this.liveness.unwatch(watched);
      if (signal.aborted) throw signal.reason;
      throw this.failure(`is not reachable: ${String(error)}`, 'not-sent', error);
    }
  }

  async close(): Promise<void> {
    this.liveness.close();
    this.streamFrom = Number.POSITIVE_INFINITY;
    for (const stream of this.streams) stream.end();
    await this.pool.destroy();
  }

  private failure(why: string, outcome: ConnectionError['outcome'], cause: unknown): ConnectionError {
    const options = cause === undefined ? undefined : { cause };
    const fault = tlsFault(cause);
    if (fault !== undefined) return new TlsError(`${this.url} ${fault}`, outcome, options);
    return new ConnectionError(`${this.url} ${why}`, outcome, options);
  }

  private dispatch(request: Exchange, receiver: Receiver): void {
    const { method, path, headers, traceparent, body } = request;
    const streamed = method === 'POST' && typeof body === 'string' && headers === undefined;
    const stream = streamed ? this.streamFor(request.takesLateAnswer ?? false) : undefined;
    // Only on a stream can a caller cancel a call and know whether an answer is still on its way.
    if (stream?.isOpening && request.takesLateAnswer) {
      void stream.decided.then(() => this.dispatch(request, receiver));
      return;
    }
    if (!stream?.takes(body as string)) {
      this.dispatchAlone(request, receiver);
      return;
    }
    const { forget, cancel } = stream.call(this.prefix + path, body as string, traceparent, {
      answered: ({ id, status, body, retryAfter }) => {
        const facts = {
          'x-node-id': stream.nodeId,
          'x-request-id': `${stream.requestId}.${id}`,
          'retry-after': retryAfter?.toString(),
        };
        receiver.answered(status, facts, new Parsed(body));
      },
      lost: (why, begun) => receiver.lost(why, begun),
    });
    receiver.started(forget, cancel);
  }

  /** The stream of this node; opened after {@link CALLS_BEFORE_STREAM} calls, or `atOnce`. */
  private streamFor(atOnce: boolean): CallStream | undefined {
    if (this.stream !== undefined) return this.stream;
    this.streamable += atOnce ? CALLS_BEFORE_STREAM : 1;
    if (this.streamable >= CALLS_BEFORE_STREAM && performance.now() >= this.streamFrom) {
      const stream = new CallStream(this.url, this.common, this.tls, (opened) => {
        this.streams.delete(stream);
        if (this.stream === stream) this.noStreamFor(opened ? REOPEN_AFTER_MS : REFUSED_FOR_MS);
      });
      this.streams.add(stream);
      this.stream = stream;
    }
    return this.stream;
  }

  private retireStream(): void {
    this.stream?.retire();
    this.noStreamFor(REOPEN_AFTER_MS);
  }

  private noStreamFor(ms: number): void {
    this.stream = undefined;
    this.streamFrom = Math.max(this.streamFrom, performance.now() + ms);
  }

  private dispatchAlone({ method, path, headers, traceparent, body }: Exchange, receiver: Receiver): void {
    let begun = false;
    let status = 0;
    let answerHeaders: Answer['headers'] = {};
    const chunks: Buffer[] = [];
    const all = { ...this.common, ...headers };
    if (traceparent !== undefined) all.traceparent = traceparent;
    if (typeof body === 'string') all['content-type'] ??= 'application/json';
    this.pool.dispatch(
      { method, path: this.prefix + path, headers: all, body: body ?? null },
      {
        onRequestStart(controller) {
          begun = true;
          receiver.started((reason) => controller.abort(reason));
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
          const whole = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
          receiver.answered(status, answerHeaders, whole);
        },
        onResponseError: (_, error) => receiver.lost(`is not reachable: ${error.message}`, begun, error),
      },
    );
  }
}

const asError = (reason: unknown): Error =>
  isNativeError(reason) ? reason : new Error(textOf(reason), { cause: reason });
