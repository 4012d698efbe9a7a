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
  toError,
  UnexpectedAnswerError,
} from '../errors.js';
import { type Answer, Node, Parsed } from './node.js';

/** A node answers within 5 s, parked time aside. */
const ATTEMPT_TIMEOUT_MS = 5_500;
const DEFAULT_TIMEOUT_MS = 10_000;
/** How many fewer requests another node must have under way before it is preferred to home. */
const SPREAD_FROM = 16;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

/** Which nodes are called, and how. */
export interface TransportOptions {
  /** Base URLs of the nodes of one role. */
  readonly urls: readonly string[];
  /** Sent as `Authorization: Bearer ...`. */
  readonly apiKey?: string | undefined;
  /** Deadline of a call with all its retries, the time that it may wait aside. Default 10,000; `Infinity`: none. */
  readonly timeoutMs?: number | undefined;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers?: Record<string, string>;
  /** A function is asked at every attempt: what is left of a wait shrinks. */
  readonly body?: string | Uint8Array | (() => string);
  /** Doing it twice is doing it once. Only then is it repeated when its outcome is unknown. */
  readonly idempotent: boolean;
  /** How long the node may hold the answer back. */
  readonly waitMs?: number;
  /** Calls with the same text, or the same slot, go to the same node while it is well. */
  readonly affinity?: string | number;
  /** Deadline of all attempts, `waitMs` aside. */
  readonly timeoutMs?: number | undefined;
  /** Deadline of one attempt, `waitMs` aside: then the next node is tried. */
  readonly attemptTimeoutMs?: number | undefined;
  /** Statuses other than 2xx that the caller wants as an answer. */
  readonly accept?: readonly number[];
  readonly signal?: AbortSignal | undefined;
  /** When the signal aborts, an answer that is on its way is still the outcome: it carries what must not be lost. */
  readonly takesLateAnswer?: boolean;
}

/** An answer; its `sentAt` is that of the attempt which succeeded. */
export interface CallAnswer extends Answer {
  /** When the first attempt that may have had an effect left. */
  readonly firstSentAt: number;
}

/** Calls the nodes of one role: picks one, fails over, repeats what is safe to repeat. */
export class Transport {
  private readonly nodes: readonly Node[];
  /** Deadline of a call that names none. */
  readonly timeoutMs: number;
  /** Where calls without an affinity go first: each client has a home of its own, so that they spread. */
  private readonly home: number;
  private closed = false;

  constructor(options: TransportOptions) {
    if (options.urls.length === 0) throw new TypeError('At least one node URL is needed');
    const common: Record<string, string> =
      options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` };
    this.nodes = options.urls.map((url) => new Node(url, common));
    this.home = Math.floor(Math.random() * this.nodes.length);
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    this.timeoutMs = duration('timeoutMs', timeoutMs, { min: 1, forever: 'for no deadline' });
  }

  /**
   * @throws {ProblemError} the node's refusal, by its code
   * @throws {ConnectionError} no node could be reached; `outcome` tells whether the call may have had its effect
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
        // A node that shuts down has not begun: the call had no effect.
        const notBegun = last instanceof ShuttingDownError;
        if (!notBegun) begunAt ??= attemptAt;
        const repeatable = call.idempotent || notBegun;
        pauseMs = repeatable ? this.pauseAfter(answer, node) : undefined;
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        last = error;
        node.suspect();
        if (error.outcome === 'unknown') begunAt ??= attemptAt;
        if (!this.closed && (error.outcome === 'not-sent' || call.idempotent)) pauseMs = 0;
      }
      if (pauseMs === undefined) throw last;
      failed = node;
      // Every node had its turn: do not hammer them.
      if ((attempt + 1) % this.nodes.length === 0) pauseMs = Math.max(pauseMs, backOff(attempt));
      if (performance.now() + pauseMs >= deadline) throw last;
      if (pauseMs > 0) await this.pause(pauseMs, call.signal);
    }
  }

  /** Whether calls without an affinity arrive in the order in which they are made, as long as nothing goes wrong. */
  get keepsOrder(): boolean {
    return this.pick(undefined, undefined).streaming;
  }

  /** How many slots there are for {@link Call.affinity}: one a node. */
  get slots(): number {
    return this.nodes.length;
  }

  /** The slot of a text: always the same. */
  slotOf(affinity: string | number): number {
    return typeof affinity === 'number' ? affinity : hash(affinity) % this.nodes.length;
  }

  /** The JSON of a call's answer. */
  async json<T>(call: Call): Promise<T> {
    return parse<T>(await this.call(call));
  }

  /** What a listing holds under `field`, page by page. */
  async *list<Field extends string, Item>(
    path: string,
    field: Field,
    query: Readonly<Record<string, string>> = {},
  ): AsyncGenerator<Item, void, void> {
    let cursor: string | null = null;
    do {
      const parameters = new URLSearchParams({ ...query, ...(cursor !== null && { cursor }) });
      const page: Record<Field, Item[]> & { cursor: string | null } = await this.json({
        method: 'GET',
        path: `${path}?${parameters}`,
        idempotent: true,
      });
      yield* page[field];
      cursor = page.cursor;
    } while (cursor !== null);
  }

  /** The nodes of this role, as Redis has them now. */
  cluster(): Promise<Cluster> {
    return this.json({ method: 'GET', path: '/v1/cluster', idempotent: true });
  }

  /**
   * Opens a stream of server-sent events at a node that is well.
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

  /** Ends all connections; calls that run, and later ones, fail at once. */
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
      body,
      timeoutMs,
      parks: (call.waitMs ?? 0) > 0,
      // What may be repeated is, elsewhere, as soon as the node turns out to be frozen.
      watched: (call.waitMs ?? 0) > 0 || call.idempotent,
      signal: call.signal,
      takesLateAnswer: call.takesLateAnswer,
    });
  }

  /** How long to wait before the next attempt after a refusal; undefined when the refusal is the answer. */
  private pauseAfter(answer: Answer, node: Node): number | undefined {
    if (answer.status < 502 || answer.status > 504) return undefined;
    const retryAfterMs = factsOf(answer).retryAfterMs ?? 0;
    node.penalise(retryAfterMs || undefined);
    // Redis is the same for all nodes, but only one of them may be cut off from it: the others are asked first.
    return this.nodes.some((other) => other.avoidUntil <= performance.now()) ? 0 : retryAfterMs;
  }

  /**
   * With an affinity: its node. Else home, since a node that is asked all the time answers sooner than three that are
   * asked in turns; but another one that has fewer requests of ours under way, by {@link SPREAD_FROM} or more.
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

/** Doubles from 25 ms up to 500 ms, spread so that clients do not come back together. */
const backOff = (attempt: number) =>
  Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);

/** FNV-1a over UTF-16 units: cheap, and even enough to spread names over a few nodes. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** The JSON of an answer. @throws {UnexpectedAnswerError} it is none */
export function parse<T>({ body, status }: Pick<Answer, 'body' | 'status'>): T {
  if (body instanceof Parsed) return body.value as T;
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new UnexpectedAnswerError(`An answer with status ${status} that is no JSON`, status);
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
    body = undefined; // Not JSON: `toError` says what it is instead.
  }
  return toError(answer.status, body, factsOf(answer));
}
