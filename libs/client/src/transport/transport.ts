import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '@syncline/contracts';
import { clock } from '../clock.js';
import { duration } from '../durations.js';
import {
  ConnectionError,
  DeadlineError,
  type ProblemFacts,
  ShuttingDownError,
  type SynclineError,
  TlsError,
  toError,
  UnexpectedAnswerError,
} from '../errors.js';
import { itemsOf } from '../pages.js';
import type { Tracing } from '../tracing.js';
import { type Answer, Node, Parsed } from './node.js';
import type { TlsOptions } from './tls.js';

/** A node answers within 5 s, not counting the time that it parks a request. */
const ATTEMPT_TIMEOUT_MS = 5_500;
const DEFAULT_TIMEOUT_MS = 10_000;
/** Prefer another node to home when it has at least this many fewer requests in flight. */
const SPREAD_FROM = 16;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

/** Which nodes to call, and how. */
export interface TransportOptions extends TlsOptions {
  /** Base URLs of the nodes of one role. */
  readonly urls: readonly string[];
  /** Sent as `Authorization: Bearer ...`. */
  readonly apiKey?: string | undefined;
  /** Deadline of a call with all its retries, not counting `waitMs`. Default 10,000; `Infinity`: none. */
  readonly timeoutMs?: number | undefined;
  /** Traces the calls: `otelTracing()` of `@syncline/otel`. Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Record<string, string>;
  /** A function is called at every attempt, because the remaining wait becomes shorter. */
  readonly body?: string | Uint8Array | (() => string);
  /** Only an idempotent call is repeated when its outcome is unknown. */
  readonly idempotent: boolean;
  /** How long the node may park the request. */
  readonly waitMs?: number;
  /** Calls with the same text, or the same slot, go to the same node while it is healthy. */
  readonly affinity?: string | number;
  /** Deadline of all attempts, not counting `waitMs`. */
  readonly timeoutMs?: number | undefined;
  /** Timeout of one attempt, not counting `waitMs`; the next attempt goes to another node. */
  readonly attemptTimeoutMs?: number | undefined;
  /** Statuses other than 2xx that the caller wants as an answer. */
  readonly accept?: readonly number[];
  readonly signal?: AbortSignal | undefined;
  /** When the signal aborts, wait for an answer that is already on its way: it carries data that must not be lost. */
  readonly takesLateAnswer?: boolean;
}

/** An answer; `sentAt` belongs to the attempt that succeeded. */
export interface CallAnswer extends Answer {
  /** When the first attempt that may have had an effect was sent. */
  readonly firstSentAt: number;
}

/** Calls the nodes of one role: picks a node, fails over, and repeats calls that are safe to repeat. */
export class Transport {
  private readonly nodes: readonly Node[];
  /** Default deadline of a call. */
  readonly timeoutMs: number;
  /** The node for calls without an affinity. Each client picks one at random, so that clients spread over the nodes. */
  private readonly home: number;
  private readonly tracing: Tracing | undefined;
  private closed = false;

  constructor(options: TransportOptions) {
    if (options.urls.length === 0) throw new TypeError('At least one node URL is needed');
    const common: Record<string, string> =
      options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` };
    const { ca, cert, key } = options;
    this.nodes = options.urls.map((url) => new Node(url, common, { ca, cert, key }));
    this.tracing = options.tracing;
    this.home = Math.floor(Math.random() * this.nodes.length);
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    this.timeoutMs = duration('timeoutMs', timeoutMs, { min: 1, forever: 'for no deadline' });
  }

  /**
   * @throws {ProblemError} the node's refusal, by its code
   * @throws {ConnectionError} no node could be reached; `outcome` says whether the call may have had its effect
   * @throws {DeadlineError} the deadline passed
   * @throws the reason of `signal`
   */
  async call(call: Call): Promise<CallAnswer> {
    const { waitMs = 0, attemptTimeoutMs = ATTEMPT_TIMEOUT_MS } = call;
    const startedAt = performance.now();
    const deadline = startedAt + waitMs + (call.timeoutMs ?? this.timeoutMs);
    let last: SynclineError | undefined;
    let failed: Node | undefined;
    let begunAt: number | undefined;
    if (this.closed) throw new ConnectionError('The client was closed', 'not-sent');
    for (let attempt = 0; ; attempt++) {
      call.signal?.throwIfAborted();
      const left = deadline - performance.now();
      if (left <= 0) throw new DeadlineError('The deadline of the call passed', { cause: last });
      const node = this.pick(call.affinity, failed);
      const waitLeft = Math.max(0, waitMs - (performance.now() - startedAt));
      let pauseMs: number | undefined;
      const attemptAt = clock.now();
      try {
        const answer = await this.attempt(node, call, Math.min(left, attemptTimeoutMs + waitLeft));
        if (answer.status < 300 || call.accept?.includes(answer.status)) {
          return { ...answer, firstSentAt: begunAt ?? answer.sentAt };
        }
        last = refusal(answer);
        // A node that shuts down did not start the call: it had no effect.
        const notBegun = last instanceof ShuttingDownError;
        if (!notBegun) begunAt ??= attemptAt;
        const repeatable = call.idempotent || notBegun;
        pauseMs = repeatable ? this.pauseAfter(answer, node) : undefined;
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        // A last try that had no time left to begin tells less than the one before.
        if (last === undefined || error.outcome === 'unknown' || performance.now() < deadline) last = error;
        node.suspect();
        if (error.outcome === 'unknown') begunAt ??= attemptAt;
        if (!this.closed && (error.outcome === 'not-sent' || call.idempotent)) pauseMs = 0;
      }
      if (pauseMs === undefined) throw last;
      failed = node;
      if ((attempt + 1) % this.nodes.length === 0) {
        // Every node was tried: back off. What is wrong with a certificate is not over soon.
        if (last instanceof TlsError) throw last;
        pauseMs = Math.max(pauseMs, backOff(attempt));
      }
      if (performance.now() + pauseMs >= deadline) throw last;
      if (pauseMs > 0) await this.pause(pauseMs, call.signal);
    }
  }

  /** Whether calls without an affinity arrive in the order in which they are made, unless one fails. */
  get keepsOrder(): boolean {
    return this.pick(undefined, undefined).streaming;
  }

  /** Whether a short POST to a slot goes over a call stream; see {@link Node.prefersStream}. */
  prefersStream(slot: number): boolean {
    return this.pick(slot, undefined).prefersStream();
  }

  /** Number of slots for {@link Call.affinity}: one for each node. */
  get slots(): number {
    return this.nodes.length;
  }

  /** The slot of a text. */
  slotOf(affinity: string | number): number {
    return typeof affinity === 'number' ? affinity : hash(affinity) % this.nodes.length;
  }

  /** The JSON of a call's answer. */
  async json<T>(call: Call): Promise<T> {
    return parse<T>(await this.call(call));
  }

  /** The items of a listing, found under `field` of each page. Fetches one page at a time. */
  list<Field extends string, Item>(
    path: string,
    field: Field,
    query: Readonly<Record<string, string>> = {},
  ): AsyncGenerator<Item, void, void> {
    return itemsOf(field, (from) =>
      this.json({
        method: 'GET',
        path: `${path}?${new URLSearchParams({ ...query, ...from })}`,
        idempotent: true,
      }),
    );
  }

  /** The nodes of this role, as Redis lists them now. */
  cluster(): Promise<Cluster> {
    return this.json({ method: 'GET', path: '/v1/cluster', idempotent: true });
  }

  /**
   * Opens a stream of server-sent events at a healthy node.
   *
   * @throws {ProblemError} the node's refusal, by its code
   * @throws {ConnectionError} no node could be reached
   * @throws the reason of `signal`
   */
  async events(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Readable> {
    const node = this.pick(undefined, undefined);
    try {
      const answer = await node.events(path, headers, signal);
      if (answer.statusCode === 200) return answer.body;
      const body = Buffer.from(await answer.body.arrayBuffer());
      const error = refusal({ status: answer.statusCode, headers: answer.headers, body });
      if (answer.statusCode >= 500) node.penalise();
      throw error;
    } catch (error) {
      if (error instanceof ConnectionError) node.penalise();
      throw error;
    }
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Ends all connections. Calls in flight, and later ones, fail at once. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.nodes.map((node) => node.close()));
  }

  private attempt(node: Node, call: Call, timeoutMs: number): Promise<Answer> {
    const body = typeof call.body === 'function' ? call.body() : call.body;
    return node.exchange({
      method: call.method,
      path: call.path,
      headers: call.headers,
      traceparent: this.tracing?.traceparent(),
      body,
      timeoutMs,
      parks: (call.waitMs ?? 0) > 0,
      // A frozen node is noticed by probes; then the call moves to another node.
      watched: (call.waitMs ?? 0) > 0 || call.idempotent,
      signal: call.signal,
      takesLateAnswer: call.takesLateAnswer,
    });
  }

  /** Delay before the next attempt after a refusal; undefined when the refusal is final. */
  private pauseAfter(answer: Answer, node: Node): number | undefined {
    if (answer.status < 502 || answer.status > 504) return undefined;
    const retryAfterMs = factsOf(answer).retryAfterMs ?? 0;
    node.penalise(retryAfterMs || undefined);
    // All nodes use the same Redis, but perhaps only this one is cut off from it: try the others first.
    return this.nodes.some((other) => other.avoidUntil <= performance.now()) ? 0 : retryAfterMs;
  }

  /**
   * With an affinity: the node of that affinity. Else home, because one busy node answers sooner than three that are
   * called in turn; but another node when it has {@link SPREAD_FROM} fewer of our requests in flight.
   */
  private pick(affinity: string | number | undefined, failed: Node | undefined): Node {
    const { nodes } = this;
    const start = affinity === undefined ? this.home : this.slotOf(affinity);
    const now = performance.now();
    let best: Node | undefined;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[(start + i) % nodes.length] as Node;
      if (node === failed) continue;
      if (best === undefined) best = node;
      else if (best.avoidUntil > now) best = node.avoidUntil < best.avoidUntil ? node : best;
      else if (affinity === undefined && node.avoidUntil <= now && node.busy + SPREAD_FROM <= best.busy)
        best = node;
    }
    return best ?? (nodes[0] as Node);
  }

  private async pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await sleep(ms, undefined, signal === undefined ? undefined : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }
}

/** Doubles from 25 ms up to 500 ms, with jitter, so that clients do not return at the same time. */
const backOff = (attempt: number) =>
  Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);

/** FNV-1a over UTF-16 units: cheap, and uniform enough to spread names over a few nodes. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** The JSON of an answer. @throws {UnexpectedAnswerError} the body is not JSON */
export function parse<T>({ body, status }: Pick<Answer, 'body' | 'status'>): T {
  if (body instanceof Parsed) return body.value as T;
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new UnexpectedAnswerError(`Unexpected HTTP ${status}: the body is not JSON`, status);
  }
}

const header = (answer: Pick<Answer, 'headers'>, name: string): string | undefined => {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

const factsOf = (answer: Pick<Answer, 'headers'>): ProblemFacts => {
  const retryAfter = header(answer, 'retry-after');
  const seconds = retryAfter === undefined ? Number.NaN : Number(retryAfter);
  return {
    nodeId: header(answer, 'x-node-id'),
    requestId: header(answer, 'x-request-id'),
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : undefined,
  };
};

function refusal(answer: Omit<Answer, 'sentAt'>): SynclineError {
  let body: unknown;
  try {
    body = parse(answer);
  } catch {
    body = undefined; // Not JSON: `toError` reports it as an unexpected answer.
  }
  return toError(answer.status, body, factsOf(answer));
}
