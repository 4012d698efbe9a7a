import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../abortable.js';
import { clock } from '../clock.js';
import { NotFoundError, ReceiptStaleError } from '../errors.js';
import { teller } from '../tell.js';
import { Delivery, type HandlerContext, inSeries } from './delivery.js';
import type { Message, MessageSource } from './message.js';
import { QueueSettings } from './queue-settings.js';
import { concurrencyOf, stopTimeoutOf, type WorkerOptions } from './worker-options.js';

const WAIT_MS = 20_000;
const PAUSE_MS = 500;
const MAX_BATCH = 1_000;
/** Most messages that wait here behind others of their group; what is beyond goes back. */
const MOST_WAITING = 1_000;

/** Handles a message: acknowledged when it returns, delivered again when it throws. */
export type Handler<Body> = (message: Message<Body>, context: HandlerContext) => unknown;

/** Handles messages of a queue until {@link stop}. */
export class Worker<Body> implements AsyncDisposable {
  /**
   * Deliveries without an answer yet, by their numbers. An object: what stood in a map that messages come and go in would
   * be garbage for long.
   */
  private readonly held: Record<number, Delivery<Body>> = Object.create(null);
  private heldCount = 0;
  private lastNumber = 0;
  /** The series of a group that was begun last, until it ends. */
  private readonly groups: Record<string, Promise<void>> = Object.create(null);
  /** Series whose handlers have not all ended; handlers that run; answers that are on their way. */
  private open = 0;
  private handlers = 0;
  private answering = 0;
  private readonly concurrency: number;
  private readonly settings: QueueSettings;
  private readonly tell: (error: unknown, message: Message<unknown> | undefined) => void;
  private readonly stopping = new AbortController();
  private readonly polling: Promise<void>;
  private visibilityTimeoutMs = 0;
  private heartbeat: NodeJS.Timeout | undefined;
  private stopped: Promise<void> | undefined;
  private giveUp: () => void = () => undefined;
  private wake: () => void = () => undefined;
  /** Tells that the last delivery was answered for. */
  private idle: () => void = () => undefined;

  /** @internal */
  constructor(
    private readonly queue: MessageSource<Body>,
    private readonly handler: Handler<Body>,
    private readonly options: WorkerOptions,
  ) {
    if (typeof handler !== 'function') throw new TypeError('handler: expected a function');
    stopTimeoutOf(options);
    this.concurrency = concurrencyOf(options);
    this.tell = teller(options.onError);
    this.settings = new QueueSettings(queue, options);
    this.polling = this.poll();
  }

  /** How many handlers run now. */
  get active(): number {
    return this.handlers;
  }

  /**
   * Receives no more and lets the handlers finish. What was received and not begun goes back at once, and what is not done
   * by the deadline then: its handlers' signals abort, and others receive it. None of that counts as a failure. Called
   * again, the earlier deadline holds.
   *
   * @param timeoutMs deadline for the handlers, `Infinity` for none. Default: the option `stopTimeoutMs`, 30,000
   * @throws {ValidationError} `timeoutMs` is no duration; the worker goes on
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

  /** For Nest: a worker is a provider that stops with its module. */
  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  private async end(): Promise<void> {
    const givenUp = new Promise<void>((resolve) => {
      this.giveUp = resolve;
    });
    const idle = new Promise<void>((resolve) => {
      this.idle = resolve;
    });
    this.stopping.abort();
    this.wake();
    const returned = this.giveBack(Object.values(this.held).filter(({ isBegun }) => !isBegun));
    await this.polling;
    await returned;
    if (this.heldCount > 0) await Promise.race([idle, givenUp]);
    clearTimeout(this.heartbeat);
    const late = Object.values(this.held).filter(({ isAnswered }) => !isAnswered);
    for (const delivery of late) delivery.lose('the worker was stopped before its handler was done');
    await this.giveBack(late);
  }

  private async poll(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      // Answers travel while the next messages are fetched, but they do not pile up.
      const free = this.concurrency - this.open - Math.max(0, this.answering - this.concurrency);
      if (free <= 0) {
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
        if (!(error instanceof NotFoundError)) this.tell(error, undefined);
        await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async receive(max: number): Promise<void> {
    const { signal } = this.stopping;
    await abortable(this.settings.refresh(), signal);
    const { visibilityTimeoutMs } = this.settings;
    const askedAt = clock.now();
    const messages = await this.queue.receiveUntil(signal, { max, waitMs: WAIT_MS, visibilityTimeoutMs });
    // How long the node waited is not told, so no clock of ours knows when the hiding began: only that it is not
    // before we asked. A wait that was long is set right by extending at once.
    const deliveries = messages.map((message) => this.hold(message, askedAt + visibilityTimeoutMs));
    if (signal.aborted) return this.giveBack(deliveries);
    for (const series of inSeries(deliveries)) this.begin(series);
    const isFirst = this.heartbeat === undefined;
    const hasChanged = !isFirst && visibilityTimeoutMs !== this.visibilityTimeoutMs;
    this.visibilityTimeoutMs = visibilityTimeoutMs;
    if (hasChanged || clock.now() - askedAt > visibilityTimeoutMs / 3) void this.beat();
    else if (isFirst) this.beatLater();
  }

  private hold(message: Message<Body>, heldUntil: number): Delivery<Body> {
    this.lastNumber += 1;
    const delivery = new Delivery(this.lastNumber, message, heldUntil);
    this.held[delivery.number] = delivery;
    this.heldCount += 1;
    return delivery;
  }

  private holds({ number }: Delivery<Body>): boolean {
    return this.held[number] !== undefined;
  }

  private forget(delivery: Delivery<Body>): void {
    if (!this.holds(delivery)) return;
    delete this.held[delivery.number];
    this.heldCount -= 1;
    if (this.heldCount === 0) this.idle();
  }

  /** Handles messages of one group, or a single one, when those of the group that were begun before have ended. */
  private begin(series: readonly Delivery<Body>[]): void {
    this.open += 1;
    const { groupId } = (series[0] as Delivery<Body>).message;
    if (groupId === null) {
      void this.handleInOrder(series);
      return;
    }
    const waiting = this.heldCount - this.open - this.answering - series.length;
    const most = 1 + Math.max(0, MOST_WAITING - waiting);
    void this.giveBack(series.slice(most));
    // One that was lost may run on: nobody but its handler can end it.
    const earlier = this.groups[groupId] ?? Promise.resolve();
    const done = earlier.then(() => this.handleInOrder(series.slice(0, most)));
    this.groups[groupId] = done;
    void done.then(() => {
      if (this.groups[groupId] === done) delete this.groups[groupId];
    });
  }

  private async handleInOrder(series: readonly Delivery<Body>[]): Promise<void> {
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      this.open -= 1;
      this.wake();
    };
    let next = 0;
    for (const delivery of series) {
      if (!this.holds(delivery) || delivery.isLost) break;
      next += 1;
      const isDone = await this.handle(delivery);
      if (!isDone || next === series.length) end();
      // Only what was acknowledged surely does not come again after the one behind it.
      if (!(await this.answer(delivery, isDone))) break;
    }
    end();
    await this.giveBack(series.slice(next));
  }

  /** Whether the handler returned. */
  private async handle(delivery: Delivery<Body>): Promise<boolean> {
    this.handlers += 1;
    delivery.isBegun = true;
    try {
      await this.handler(delivery.message, delivery);
      return true;
    } catch (thrown) {
      this.tell(thrown, delivery.message);
      return false;
    } finally {
      this.handlers -= 1;
    }
  }

  /** Whether it was acknowledged. Nothing is said of what was given back already. */
  private async answer(delivery: Delivery<Body>, isDone: boolean): Promise<boolean> {
    if (!this.holds(delivery)) return false;
    const { message } = delivery;
    delivery.isAnswered = true;
    this.answering += 1;
    try {
      const status = isDone ? await this.queue.ack(message.receipt) : await this.fail(message);
      if (status === 'stale') this.tell(new ReceiptStaleError(message.id, message.receipt), message);
      return status === 'acked';
    } catch (error) {
      // It is delivered again: at least once.
      this.tell(error, undefined);
      return false;
    } finally {
      this.answering -= 1;
      this.forget(delivery);
      this.wake();
    }
  }

  private async fail({ receipt, receiveCount }: Message<Body>): Promise<unknown> {
    const delayMs = this.settings.retryDelayMs(receiveCount);
    const [result] = await this.queue.nack([receipt], delayMs === undefined ? {} : { delayMs });
    return result?.status;
  }

  /** Others receive them at once, and it does not count as a failure. */
  private async giveBack(deliveries: readonly Delivery<Body>[]): Promise<void> {
    const held = deliveries.filter((delivery) => this.holds(delivery));
    for (const delivery of held) this.forget(delivery);
    await this.queue
      .giveBack(held.map(({ message }) => message.receipt))
      .catch((error: unknown) => this.tell(error, undefined));
  }

  private beatLater(): void {
    clearTimeout(this.heartbeat);
    this.heartbeat = setTimeout(() => void this.beat(), this.visibilityTimeoutMs / 3);
  }

  /** Extends all that is held, and does so again after a third of the time. */
  private async beat(): Promise<void> {
    this.beatLater();
    const held = Object.values(this.held);
    const batches: Promise<void>[] = [];
    for (let from = 0; from < held.length; from += MAX_BATCH) {
      batches.push(this.extend(held.slice(from, from + MAX_BATCH)));
    }
    await Promise.all(batches);
  }

  private async extend(deliveries: readonly Delivery<Body>[]): Promise<void> {
    const { visibilityTimeoutMs } = this;
    const sentAt = clock.now();
    // Somebody else may have the message now: its handler is told, and what that returns is of no use.
    const lose = (delivery: Delivery<Body>) =>
      delivery.lose('the message is no longer this worker’s: it is delivered again');
    try {
      const receipts = deliveries.map(({ message }) => message.receipt);
      // A third is the time until the next try: a node that says nothing must not hold up the check below.
      const signal = AbortSignal.timeout(Math.ceil(visibilityTimeoutMs / 3));
      const results = await this.queue.extend(receipts, visibilityTimeoutMs, signal);
      for (const [i, delivery] of deliveries.entries()) {
        if (results[i]?.status === 'extended') delivery.heldUntil = sentAt + visibilityTimeoutMs;
        else if (this.holds(delivery)) lose(delivery);
      }
    } catch (error) {
      this.tell(error, undefined);
    }
    for (const delivery of deliveries) {
      if (this.holds(delivery) && delivery.heldUntil <= clock.now()) lose(delivery);
    }
  }
}
