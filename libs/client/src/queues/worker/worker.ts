import { safeReporter } from '../../report.js';
import { type AnyHandler, type AnyWorkerOptions, callOf } from './handler.js';
import { Handling } from './handling.js';
import { Listeners } from './listeners.js';
import { Load } from './load.js';
import type { MessageSource } from './message-source.js';
import { Turns } from './turns.js';
import { concurrencyOf, stopTimeoutOf } from './worker-options.js';

const WAIT_MS = 20_000;
const MAX_BATCH = 1_000;

/** Handles messages of one or several queues until {@link Worker.stop}. */
export class Worker<Body> implements AsyncDisposable {
  private readonly load = new Load(() => this.onEnded());
  private readonly queues: readonly Handling<Body>[];
  private readonly turns: Turns;
  private readonly listeners: Listeners;
  /** Most messages that one handler gets. */
  private readonly perHandler: number;
  private most: number;
  private paused = false;
  private isIdle = false;
  private readonly stopping = new AbortController();
  /** Ends receives that wait. */
  private receiving = new AbortController();
  private readonly polling: Promise<void>;
  private stopped: Promise<void> | undefined;
  private giveUp: () => void = () => undefined;
  private wake: () => void = () => undefined;

  /** @internal */
  constructor(
    queues: readonly MessageSource<Body>[],
    handler: AnyHandler<Body>,
    private readonly options: AnyWorkerOptions,
    private readonly onStopped: () => void,
  ) {
    const call = callOf(handler, options);
    stopTimeoutOf(options);
    this.most = concurrencyOf(options);
    this.perHandler = call.most;
    const report = safeReporter(options.onError);
    this.listeners = new Listeners(options, report);
    this.queues = queues.map(
      (queue) => new Handling(queue, call, options, this.load, this.listeners, report),
    );
    this.turns = new Turns(queues.length);
    const tracing = queues[0]?.tracing;
    this.polling = tracing === undefined ? this.poll() : tracing.untraced(() => this.poll());
  }

  /** Number of running handlers. */
  get active(): number {
    return this.load.handlers;
  }

  /** How many handlers run at once at most. A smaller number interrupts no handler. Setting it: throws as the option does. */
  get concurrency(): number {
    return this.most;
  }

  set concurrency(concurrency: number) {
    this.most = concurrencyOf({ concurrency });
    this.receiveAgain();
  }

  get isPaused(): boolean {
    return this.paused;
  }

  /** Receives no more messages until {@link resume}. Handlers that run go on. Other workers of the queue are not affected. */
  pause(): void {
    this.paused = true;
    this.receiveAgain();
  }

  /** Receives messages again after {@link pause}. */
  resume(): void {
    this.paused = false;
    this.wake();
  }

  /**
   * Stops receiving and lets the handlers finish. Messages whose handler has not started are given back at once. At the
   * deadline the signals of the remaining handlers abort, and their messages are given back too. None of this counts as a
   * failure. When called again, the earlier deadline applies.
   *
   * @param timeoutMs deadline for the handlers, `Infinity` for none. Default: the option `stopTimeoutMs`, 30,000
   * @throws {ValidationError} `timeoutMs` is not a valid duration; the worker continues
   */
  async stop(timeoutMs?: number): Promise<void> {
    const limitMs = stopTimeoutOf(timeoutMs === undefined ? this.options : { stopTimeoutMs: timeoutMs });
    this.stopped ??= this.end();
    const timer = Number.isFinite(limitMs) ? setTimeout(() => this.giveUp(), limitMs) : undefined;
    await this.stopped;
    clearTimeout(timer);
  }

  /** For `await using`: as {@link stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** For Nest: a worker that is a provider stops with its module. */
  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  private async end(): Promise<void> {
    const givenUp = new Promise<void>((resolve) => {
      this.giveUp = resolve;
    });
    this.stopping.abort();
    this.receiveAgain();
    const intakes = this.queues.map(({ intake }) => intake);
    const returned = intakes.map((intake) =>
      intake.giveBack(intake.held.all().filter(({ isBegun }) => !isBegun)),
    );
    await this.polling;
    await Promise.all(returned);
    await Promise.race([Promise.all(intakes.map(({ held }) => held.none())), givenUp]);
    await Promise.all(intakes.map((intake) => intake.stop()));
    this.onStopped();
  }

  /** Ends receives that wait, so that the next ones ask for what is wanted now. */
  private receiveAgain(): void {
    const { receiving } = this;
    this.receiving = new AbortController();
    receiving.abort();
    this.wake();
  }

  private onEnded(): void {
    this.wake();
    this.tellIdle();
  }

  private tellIdle(): void {
    const isOver = this.paused || this.stopping.signal.aborted;
    const isIdle = !isOver && this.load.isNone && this.queues.every(({ intake }) => intake.isEmpty);
    if (isIdle && !this.isIdle) this.listeners.idle();
    this.isIdle = isIdle;
  }

  /** How many more handlers may begin. */
  private get free(): number {
    // Fetch the next messages while acks are in flight, but do not let the acks pile up.
    const unanswered = Math.ceil(this.load.answering / this.perHandler);
    return this.most - this.load.open - Math.max(0, unanswered - this.most);
  }

  private async poll(): Promise<void> {
    // A single queue need not be asked before waiting for it, but to know that there is nothing to do.
    const looks = this.queues.length > 1 || this.options.onIdle !== undefined;
    while (!this.stopping.signal.aborted) {
      const { signal } = this.receiving;
      if (this.free <= 0 || this.paused) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        // Handlers that end in the same turn make room in the same receive.
        await new Promise(setImmediate);
        continue;
      }
      if (looks && (await this.look(signal))) continue;
      if (!signal.aborted) await this.wait(signal);
    }
  }

  /** Asks the queues in turns for what is ready. Returns whether there was something. */
  private async look(signal: AbortSignal): Promise<boolean> {
    for (let left = this.queues.length; left > 0 && this.free > 0 && !signal.aborted; ) {
      const deals = this.turns.deal(this.free, left);
      const received = await Promise.all(
        deals.map(({ index, places }) => {
          const queue = this.queues[index] as Handling<Body>;
          return queue.intake.isResting ? 0 : this.receive(queue, places, 0, signal);
        }),
      );
      if (received.some((count) => count !== undefined && count > 0)) return true;
      left -= deals.length;
    }
    this.tellIdle();
    return false;
  }

  /** Waits until one of the queues has messages. */
  private async wait(signal: AbortSignal): Promise<void> {
    const places = Math.max(1, Math.floor(this.free / this.queues.length));
    await Promise.all(
      this.queues.map(async (queue) => {
        let count: number | undefined;
        while (count === undefined && !signal.aborted) {
          await queue.intake.rested(signal);
          count = await this.receive(queue, places, WAIT_MS, signal);
        }
        if (this.queues.length > 1 && !signal.aborted) this.receiveAgain();
      }),
    );
  }

  /** @returns how many messages there were; undefined: it failed */
  private async receive(
    queue: Handling<Body>,
    places: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { intake } = queue;
    const max = Math.min(places * this.perHandler, MAX_BATCH);
    const deliveries = await intake.receive(max, waitMs, signal);
    if (deliveries === undefined || deliveries.length === 0) return deliveries?.length;
    this.isIdle = false;
    // When several queues had messages in the same moment, there may be too many.
    const isOver = this.paused || this.stopping.signal.aborted;
    const fitting = isOver ? 0 : Math.max(0, this.most - this.load.open) * this.perHandler;
    const returned = intake.giveBack(deliveries.slice(fitting));
    queue.begin(deliveries.slice(0, fitting));
    await returned;
    return deliveries.length;
  }
}
