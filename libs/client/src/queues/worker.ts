import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../abortable.js';
import { clock } from '../clock.js';
import { HandlerTimeoutError, InvalidBodyError, NotFoundError, ReceiptStaleError } from '../errors.js';
import { safeReporter } from '../report.js';
import { Answers } from './answers.js';
import { type BodySchema, withCheckedBody } from './body-schema.js';
import { CancelWatch } from './cancel-watch.js';
import { type Delivery, type HandlerContext, splitIntoSeries } from './delivery.js';
import { failureOf } from './failure.js';
import { Heartbeat } from './heartbeats/heartbeat.js';
import type { Guard } from './heartbeats/heartbeat-thread.js';
import { HeldDeliveries } from './held-deliveries.js';
import type { Message } from './message.js';
import type { MessageSource } from './message-source.js';
import { QueueSettings } from './queue-settings.js';
import {
  concurrencyOf,
  maxBlockedOf,
  stopTimeoutOf,
  timeoutOf,
  type WorkerOptions,
} from './worker-options.js';

const WAIT_MS = 20_000;
const PAUSE_MS = 500;
const MAX_BATCH = 1_000;
/** Most messages that wait in this process behind others of their group; the worker gives further ones back. */
const MAX_WAITING = 1_000;
/**
 * Handles a message. When it returns, the message is acknowledged, with what it returned as the result if the queue keeps results;
 * when it throws, the message is delivered again.
 */
export type Handler<Body> = (message: Message<Body>, context: HandlerContext) => unknown;

/** Handles messages of a queue until {@link Worker.stop}. */
export class Worker<Body> implements AsyncDisposable {
  private readonly held: HeldDeliveries<Body>;
  /** The latest series of each group, until it ends. */
  private readonly groups: Record<string, Promise<void>> = Object.create(null);
  /** Series whose handlers have not all ended; running handlers; acks and nacks in flight. */
  private open = 0;
  private handlers = 0;
  private answering = 0;
  private most: number;
  private paused = false;
  private readonly timeoutMs: number | undefined;
  private readonly settings: QueueSettings;
  private readonly report: (error: unknown, message: Message<unknown> | undefined) => void;
  private readonly stopping = new AbortController();
  /** Ends a receive that waits. */
  private receiving = new AbortController();
  private readonly answers: Answers<Body>;
  private readonly cancels: CancelWatch<Body>;
  private readonly guard: Guard;
  private readonly heartbeat: Heartbeat<Body>;
  private readonly polling: Promise<void>;
  private stopped: Promise<void> | undefined;
  private giveUp: () => void = () => undefined;
  private wake: () => void = () => undefined;

  /** @internal */
  constructor(
    private readonly queue: MessageSource<Body>,
    private readonly handler: Handler<Body>,
    private readonly options: WorkerOptions,
  ) {
    if (typeof handler !== 'function') throw new TypeError('handler: expected a function');
    stopTimeoutOf(options);
    this.most = concurrencyOf(options);
    this.timeoutMs = timeoutOf(options);
    this.report = safeReporter(options.onError);
    this.settings = new QueueSettings(queue, options);
    this.answers = new Answers(queue, this.settings, this.report);
    this.guard = queue.guard(maxBlockedOf(options));
    this.held = new HeldDeliveries(this.guard, (delivery, progress) =>
      this.heartbeat.tell(delivery, progress),
    );
    this.cancels = new CancelWatch(queue, () => this.held.all());
    this.heartbeat = new Heartbeat(queue, this.held, this.guard, this.cancels, this.report);
    this.polling = this.poll();
  }

  /** Number of running handlers. */
  get active(): number {
    return this.handlers;
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
    const returned = this.giveBack(this.held.all().filter(({ isBegun }) => !isBegun));
    await this.polling;
    await returned;
    await Promise.race([this.held.none(), givenUp]);
    this.heartbeat.stop();
    this.cancels.stop();
    const late = this.held.all().filter(({ isAnswered }) => !isAnswered);
    for (const delivery of late) delivery.lose('the worker was stopped before its handler was done');
    await this.giveBack(late);
  }

  /** Ends a receive that waits, so that the next one asks for what is wanted now. */
  private receiveAgain(): void {
    const { receiving } = this;
    this.receiving = new AbortController();
    receiving.abort();
    this.wake();
  }

  private async poll(): Promise<void> {
    const stopping = this.stopping.signal;
    while (!stopping.aborted) {
      const { signal } = this.receiving;
      // Fetch the next messages while acks are in flight, but do not let the acks pile up.
      const free = this.most - this.open - Math.max(0, this.answering - this.most);
      if (free <= 0 || this.paused) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        // Handlers that end in the same turn make room in the same receive.
        await new Promise(setImmediate);
        continue;
      }
      try {
        await this.receive(Math.min(free, MAX_BATCH), signal);
      } catch (error) {
        if (stopping.aborted) return;
        if (signal.aborted) continue;
        // The first message creates the queue: until then there is nothing to do.
        if (error instanceof NotFoundError) this.settings.forget();
        else this.report(error, undefined);
        await sleep(PAUSE_MS, undefined, { signal: stopping }).catch(() => undefined);
      }
    }
  }

  private async receive(max: number, signal: AbortSignal): Promise<void> {
    await abortable(this.settings.load(), signal);
    const { visibilityTimeoutMs } = this.settings;
    const askedAt = clock.now();
    const messages = await this.queue.receiveUntil(signal, { max, waitMs: WAIT_MS, visibilityTimeoutMs });
    if (messages.length > 0) this.guard.extendsBy(visibilityTimeoutMs);
    const deliveries = messages.map((message) => this.held.add(message, askedAt, visibilityTimeoutMs));
    if (deliveries.length > 0) this.cancels.look();
    this.heartbeat.begin(visibilityTimeoutMs, askedAt);
    if (this.guard.starting !== undefined)
      await abortable(this.guard.starting, signal).catch(() => undefined);
    // They were received by the settings that were known; from now on the newest ones count.
    if (deliveries.length > 0) await abortable(this.settings.refresh(), signal).catch(() => undefined);
    if (signal.aborted) return this.giveBack(deliveries);
    if (this.settings.ordersGroups) for (const series of splitIntoSeries(deliveries)) this.begin(series);
    else for (const delivery of deliveries) this.beginAlone([delivery]);
  }

  private beginAlone(series: readonly Delivery<Body>[]): void {
    this.open += 1;
    void this.handleInOrder(series);
  }

  /** Handles messages of one group, or a single message, after the earlier series of the group has ended. */
  private begin(series: readonly Delivery<Body>[]): void {
    const { groupId } = (series[0] as Delivery<Body>).message;
    if (groupId === null) {
      this.beginAlone(series);
      return;
    }
    this.open += 1;
    const waiting = this.held.count - this.open - this.answering - series.length;
    const most = 1 + Math.max(0, MAX_WAITING - waiting);
    void this.giveBack(series.slice(most));
    // Also wait for a handler whose message was lost: it may still be running, and only it can end itself.
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
      const isGone = delivery.isCancelled;
      if (isGone) this.held.remove(delivery);
      else if (!this.held.has(delivery) || delivery.isLost) break;
      next += 1;
      if (isGone) continue;
      const isDone = await this.handle(delivery);
      if (!isDone || next === series.length) end();
      // Without an ack this message may come again, and must come before the next one of the group.
      if (!(await this.answer(delivery, isDone))) break;
    }
    end();
    await this.giveBack(series.slice(next));
  }

  /** Returns whether the handler returned. */
  private async handle(delivery: Delivery<Body>): Promise<boolean> {
    this.handlers += 1;
    delivery.isBegun = true;
    const { timeoutMs } = this;
    const timer = timeoutMs && setTimeout(() => this.timeOut(delivery, timeoutMs), timeoutMs);
    try {
      const { schema } = this.options;
      const message = schema === undefined ? delivery.message : await checked(delivery, schema);
      delivery.result = await this.handler(message, delivery);
      return true;
    } catch (thrown) {
      // What comes of a handler that took too long is told already.
      if (delivery.isAnswered) return false;
      delivery.failure = failureOf(thrown);
      if (!delivery.isCancelled) this.report(thrown, delivery.message);
      return false;
    } finally {
      clearTimeout(timer);
      this.handlers -= 1;
    }
  }

  /** The message is given back, although its handler has not ended: others need not wait for it. */
  private timeOut(delivery: Delivery<Body>, timeoutMs: number): void {
    if (!this.held.has(delivery) || delivery.isAnswered || delivery.isLost) return;
    const error = new HandlerTimeoutError(delivery.message.id, timeoutMs);
    delivery.timeOut(error);
    delivery.failure = failureOf(error);
    this.report(error, delivery.message);
    void this.answer(delivery, false);
  }

  /** Sends the ack or nack. Returns whether the message has ended; false if it was given back before. */
  private async answer(delivery: Delivery<Body>, isDone: boolean): Promise<boolean> {
    if (!this.held.has(delivery) || delivery.isAnswered) return false;
    if (delivery.isCancelled) {
      this.held.remove(delivery);
      return true;
    }
    const { message } = delivery;
    delivery.isAnswered = true;
    this.answering += 1;
    try {
      const status = isDone ? await this.answers.done(delivery) : await this.answers.failed(delivery);
      if (status === 'stale') this.report(new ReceiptStaleError(message.id, message.receipt), message);
      return status === 'acked';
    } catch (error) {
      // The message is delivered again: delivery is at least once.
      this.report(error, undefined);
      return false;
    } finally {
      this.answering -= 1;
      this.held.remove(delivery);
      this.wake();
    }
  }

  /** Others can receive the messages at once; this does not count as a failure. */
  private async giveBack(deliveries: readonly Delivery<Body>[]): Promise<void> {
    const held = deliveries.filter((delivery) => this.held.has(delivery));
    for (const delivery of held) this.held.remove(delivery);
    await this.queue
      .giveBack(held.map(({ message }) => message.receipt))
      .catch((error: unknown) => this.report(error, undefined));
  }
}

/** @throws {InvalidBodyError} its body does not fit the schema */
async function checked<Body>(delivery: Delivery<Body>, schema: BodySchema): Promise<Message<Body>> {
  try {
    return await withCheckedBody(delivery.message, schema);
  } catch (error) {
    delivery.isUnfit = error instanceof InvalidBodyError;
    throw error;
  }
}
