import { setTimeout as sleep } from 'node:timers/promises';
import { LeaseLostError, NotFoundError } from '../errors.js';
import type { Message, Queue } from './queue.js';

const WAIT_MS = 20_000;
const DEFAULT_VISIBILITY_MS = 30_000;
const DEFAULT_STOP_MS = 30_000;
const PAUSE_MS = 500;
const MAX_BATCH = 1_000;
const DEFAULT_BACK_OFF: BackOff = { baseMs: 1_000, factor: 2, maxMs: 60_000 };
/** Part of a delay by which it is spread, so that what failed together does not return together. */
const SPREAD = 0.2;

/** Delay before delivery `n + 1`: `baseMs * factor^(n-1)`, at most `maxMs`, spread by up to a fifth. */
export interface BackOff {
  readonly baseMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/** How a worker receives, and what it does about failures. */
export interface WorkerOptions {
  /** How many handlers run at once. Default 1. */
  readonly concurrency?: number;
  /** After how long without a sign of this process a message is delivered again. Default 30,000. Extended at a third of it. */
  readonly visibilityTimeoutMs?: number;
  /** After a handler threw. Default `{ baseMs: 1000, factor: 2, maxMs: 60000 }`; `queue`: as the queue is configured. */
  readonly backoff?: BackOff | 'queue';
  /**
   * Told of every error: a handler's, with its message, which is delivered again; and of the nodes, which the worker
   * outlives. Default: `process.emitWarning`.
   */
  readonly onError?: (error: unknown, message: Message<unknown> | undefined) => void;
}

/** What a handler is told beside its message. */
export interface HandlerContext {
  /** Aborts with a {@link LeaseLostError} when the message is no longer this worker's. */
  readonly signal: AbortSignal;
}

/** A delivery without an answer yet. */
class Running implements HandlerContext {
  done: Promise<void> = Promise.resolve();
  private controller: AbortController | undefined;
  private lost: LeaseLostError | undefined;

  constructor(
    readonly number: number,
    readonly receipt: string,
    /** The delivery is ours until then, by `performance.now()`. */
    public heldUntil: number,
  ) {}

  /** Made when a handler asks for it: a signal costs more than the rest of a delivery. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.lost !== undefined) this.controller.abort(this.lost);
    }
    return this.controller.signal;
  }

  lose(why: string): void {
    this.lost ??= LeaseLostError.local(why);
    this.controller?.abort(this.lost);
  }
}

/** Handles a message: acknowledged when it returns, delivered again when it throws. */
export type Handler<Body> = (message: Message<Body>, context: HandlerContext) => unknown;

/** Handles messages of a queue until {@link stop}. */
export class Worker<Body> implements AsyncDisposable {
  /** Deliveries without an answer yet. */
  /** By their numbers. An object: what stood in a map that messages come and go in would be garbage for long. */
  private readonly running: Record<number, Running> = Object.create(null);
  private runningCount = 0;
  private lastNumber = 0;
  private handlers = 0;
  private readonly stopping = new AbortController();
  private readonly concurrency: number;
  private readonly visibilityTimeoutMs: number;
  private readonly onError: NonNullable<WorkerOptions['onError']>;
  private readonly heartbeat: NodeJS.Timeout;
  private readonly polling: Promise<void>;
  private stopped: Promise<void> | undefined;
  private wake: (() => void) | undefined;

  /** @internal */
  constructor(
    private readonly queue: Queue<Body>,
    private readonly handler: Handler<Body>,
    private readonly options: WorkerOptions,
  ) {
    this.concurrency = options.concurrency ?? 1;
    if (!Number.isInteger(this.concurrency) || this.concurrency < 1) {
      throw new RangeError('concurrency: expected a whole number of at least 1');
    }
    this.visibilityTimeoutMs = options.visibilityTimeoutMs ?? DEFAULT_VISIBILITY_MS;
    this.onError =
      options.onError ?? ((error) => process.emitWarning(error instanceof Error ? error : String(error)));
    this.heartbeat = setInterval(() => void this.extend(), this.visibilityTimeoutMs / 3);
    this.heartbeat.unref();
    this.polling = this.poll();
  }

  /** How many handlers run now. */
  get active(): number {
    return this.handlers;
  }

  /**
   * Receives no more, lets the handlers finish, and gives back what is not done by the deadline: its handlers' signals
   * abort, and others receive it at once.
   *
   * @param timeoutMs deadline for the handlers. Default 30,000
   */
  stop(timeoutMs: number = DEFAULT_STOP_MS): Promise<void> {
    this.stopped ??= this.end(timeoutMs);
    return this.stopped;
  }

  /** For `await using`: as {@link stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** For Nest: a worker is a provider that stops with its module. */
  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  private async end(timeoutMs: number): Promise<void> {
    this.stopping.abort();
    this.wake?.();
    await this.polling;
    const deadline = new AbortController();
    const timeOut = sleep(timeoutMs, undefined, { signal: deadline.signal }).catch(() => undefined);
    await Promise.race([Promise.all(Object.values(this.running).map(({ done }) => done)), timeOut]);
    deadline.abort();
    clearInterval(this.heartbeat);
    const left = Object.values(this.running);
    for (const running of left) this.forget(running);
    if (left.length === 0) return;
    for (const running of left) running.lose('the worker was stopped before its handler was done');
    await this.queue
      .nack(
        left.map(({ receipt }) => receipt),
        0,
      )
      .catch((error: unknown) => this.onError(error, undefined));
  }

  private async poll(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      // Acknowledgements travel while the next messages are fetched, but they do not pile up.
      const free = Math.min(this.concurrency - this.handlers, 2 * this.concurrency - this.runningCount);
      if (free === 0) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        // What ends in the same turn makes room for the same request.
        await new Promise(setImmediate);
        continue;
      }
      try {
        await this.receive(Math.min(free, MAX_BATCH));
      } catch (error) {
        if (signal.aborted) return;
        // A queue is made by its first message: until then there is nothing to do.
        if (!(error instanceof NotFoundError)) this.onError(error, undefined);
        await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async receive(max: number): Promise<void> {
    const { visibilityTimeoutMs } = this;
    const { signal } = this.stopping;
    const askedAt = performance.now();
    const messages = await this.queue.receive({ max, waitMs: WAIT_MS, visibilityTimeoutMs, signal });
    // How long the node waited is not told, so no clock of ours knows when the hiding began: only that it is not
    // before we asked. A wait that was long is set right by extending at once.
    const heldUntil = askedAt + visibilityTimeoutMs;
    for (const message of messages) this.start(message, heldUntil);
    if (performance.now() - askedAt > visibilityTimeoutMs / 3) void this.extend();
  }

  private start(message: Message<Body>, heldUntil: number): void {
    this.lastNumber += 1;
    const running = new Running(this.lastNumber, message.receipt, heldUntil);
    this.running[running.number] = running;
    this.runningCount += 1;
    running.done = this.handle(message, running).finally(() => {
      this.forget(running);
      this.wake?.();
    });
  }

  private forget(running: Running): void {
    if (!this.has(running)) return;
    delete this.running[running.number];
    this.runningCount -= 1;
  }

  private has({ number }: Running): boolean {
    return this.running[number] !== undefined;
  }

  private async handle(message: Message<Body>, running: Running): Promise<void> {
    this.handlers++;
    try {
      await this.handler(message, running);
      this.handlers--;
      this.wake?.();
    } catch (error) {
      this.handlers--;
      this.wake?.();
      this.onError(error, message);
      await this.settle(running, () => this.queue.nack([message.receipt], this.delay(message.receiveCount)));
      return;
    }
    await this.settle(running, () => this.queue.ack(message.receipt));
  }

  /** Answers for a delivery, unless it was given back already. */
  private async settle(running: Running, answer: () => Promise<unknown>): Promise<void> {
    if (!this.has(running)) return;
    try {
      await answer();
    } catch (error) {
      // It is delivered again: at least once.
      this.onError(error, undefined);
    }
  }

  private delay(receiveCount: number): number | undefined {
    const { backoff = DEFAULT_BACK_OFF } = this.options;
    if (backoff === 'queue') return undefined;
    const delayMs = Math.min(backoff.baseMs * backoff.factor ** (receiveCount - 1), backoff.maxMs);
    return Math.round(delayMs * (1 - SPREAD * Math.random()));
  }

  private async extend(): Promise<void> {
    const { visibilityTimeoutMs } = this;
    const sentAt = performance.now();
    const current = Object.values(this.running);
    for (let from = 0; from < current.length; from += MAX_BATCH) {
      const batch = current.slice(from, from + MAX_BATCH);
      try {
        const receipts = batch.map(({ receipt }) => receipt);
        // A third is the time until the next try: a node that says nothing must not hold up the check below.
        const signal = AbortSignal.timeout(Math.ceil(visibilityTimeoutMs / 3));
        const results = await this.queue.extend(receipts, visibilityTimeoutMs, signal);
        for (const [i, running] of batch.entries()) {
          if (results[i]?.status === 'extended') running.heldUntil = sentAt + visibilityTimeoutMs;
          else this.abandon(running);
        }
      } catch (error) {
        this.onError(error, undefined);
      }
      for (const running of batch) {
        if (running.heldUntil <= performance.now()) this.abandon(running);
      }
    }
  }

  /** Somebody else may have the message now. The handler is told; what it returns is of no use. */
  private abandon(running: Running): void {
    if (!this.has(running)) return;
    running.lose('the message is no longer this worker’s: it is delivered again');
  }
}
