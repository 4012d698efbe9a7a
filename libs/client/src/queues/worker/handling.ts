import { HandlerTimeoutError, InvalidBodyError, ReceiptStaleError } from '../../errors.js';
import type { Message } from '../message.js';
import { type BodySchema, withCheckedBody } from './body-schema.js';
import type { Delivery } from './delivery.js';
import { type Call, tracedCall } from './handler.js';
import { Intake } from './intake.js';
import type { Listeners } from './listeners.js';
import type { Load } from './load.js';
import type { MessageSource } from './message-source.js';
import { type Series, splitIntoSeries } from './series.js';
import { timeoutOf, type WorkerOptions } from './worker-options.js';

/** Most messages of a queue that wait in this process behind others of their group; the worker gives further ones back. */
const MAX_WAITING = 1_000;

type Outcome = { readonly result: unknown } | { readonly error: unknown };

/** Calls the handler of a worker with the messages of one queue, and answers for each. */
export class Handling<Body> {
  readonly intake: Intake<Body>;
  private readonly call: Call<Body>;
  /** The latest series of each group, until it ends. */
  private readonly groups: Record<string, Series<Body>> = Object.create(null);
  private readonly timeoutMs: number | undefined;

  constructor(
    queue: MessageSource<Body>,
    call: Call<Body>,
    private readonly options: WorkerOptions,
    private readonly load: Load,
    private readonly listeners: Listeners,
    private readonly report: (error: unknown, message: Message<unknown> | undefined) => void,
  ) {
    const { tracing } = queue;
    this.call = tracing === undefined ? call : tracedCall(call, tracing);
    this.timeoutMs = timeoutOf(options);
    const answer = (delivery: Delivery<Body>, outcome: Outcome) => this.settle(delivery, outcome);
    const lost = (delivery: Delivery<Body>, why: Error) => {
      // A message whose handler takes too long is given back: that is told.
      if (!(why instanceof HandlerTimeoutError)) listeners.lost(delivery, why);
    };
    this.intake = new Intake(queue, options, { answer, lost, tracing }, report);
  }

  /** Handles messages, those of one group one after the other. */
  begin(deliveries: readonly Delivery<Body>[]): void {
    const series = splitIntoSeries(deliveries, this.intake.settings.ordersGroups);
    this.boundWaiting(series, deliveries.length);
    // Also wait for a handler whose message was lost: it may still be running, and only it can end itself.
    const isBusy = ({ groupId }: Series<Body>) => groupId !== null && this.groups[groupId] !== undefined;
    const busy = series.filter(isBusy);
    this.start(busy.length === 0 ? series : series.filter((one) => !isBusy(one)));
    this.start(busy);
  }

  private boundWaiting(series: readonly Series<Body>[], received: number): void {
    if (series.length === received) return;
    let waiting = this.intake.held.waiting - received;
    for (const one of series) {
      const kept = Math.min(one.length, 1 + Math.max(0, MAX_WAITING - waiting));
      void this.intake.giveBack(one.takeFrom(kept));
      waiting += kept - 1;
    }
  }

  private start(series: readonly Series<Body>[]): void {
    const { most } = this.call;
    for (let from = 0; from < series.length; from += most) this.startRun(series.slice(from, from + most));
  }

  /** A run handles the first message of each of its series at once, then the second of each, and so on. */
  private startRun(series: readonly Series<Body>[]): void {
    this.load.open += 1;
    const earlier: Promise<void>[] = [];
    for (const one of series) {
      if (one.groupId === null) continue;
      const before = this.groups[one.groupId];
      if (before !== undefined) earlier.push(before.ended());
      this.groups[one.groupId] = one;
    }
    if (earlier.length === 0) void this.run(series);
    else void Promise.all(earlier).then(() => this.run(series));
  }

  private async run(series: readonly Series<Body>[]): Promise<void> {
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      this.load.open -= 1;
      this.load.ended();
    };
    let left = series;
    while (left.length > 0) {
      const batch: Delivery<Body>[] = [];
      const batched = left.filter((one) => {
        const delivery = this.nextOf(one);
        if (delivery === undefined) this.end(one);
        else batch.push(delivery);
        return delivery !== undefined;
      });
      if (batch.length === 0) break;
      await this.handle(batch);
      if (batched.every((one, i) => one.length === 0 || batch[i]?.failure !== undefined)) close();
      const haveEnded = await Promise.all(batch.map((delivery) => this.answer(delivery)));
      // Without an ack a message may come again, and must come before the next one of its group.
      left = batched.filter((one, i) => {
        const goesOn = haveEnded[i] && one.length > 0;
        if (!goesOn) this.end(one);
        return goesOn;
      });
    }
    close();
  }

  private end(series: Series<Body>): void {
    void this.intake.giveBack(series.takeFrom(0));
    series.end();
    const { groupId } = series;
    if (groupId !== null && this.groups[groupId] === series) delete this.groups[groupId];
  }

  /** Undefined: none is left, or none may be handled now. */
  private nextOf(series: Series<Body>): Delivery<Body> | undefined {
    const { held } = this.intake;
    for (let delivery = series.take(); delivery !== undefined; delivery = series.take()) {
      if (!delivery.isCancelled) {
        if (held.has(delivery) && !delivery.isLost) return delivery;
        void this.intake.giveBack([delivery]);
        return undefined;
      }
      held.remove(delivery);
    }
    return undefined;
  }

  private async handle(batch: readonly Delivery<Body>[]): Promise<void> {
    const { load, timeoutMs } = this;
    load.handlers += 1;
    for (const delivery of batch) this.intake.held.begin(delivery);
    const timer = timeoutMs && setTimeout(() => this.timeOut(batch, timeoutMs), timeoutMs);
    try {
      const { schema } = this.options;
      const fit = schema === undefined ? batch : await this.fitting(batch, schema);
      if (fit.length > 0) await this.call.run(fit);
    } catch (thrown) {
      // What comes of the others is said already.
      const failed = batch.filter(({ isAnswered }) => !isAnswered);
      for (const delivery of failed) delivery.failWith(thrown);
      const told = failed.filter(({ isCancelled }) => !isCancelled);
      if (told.length > 0) this.report(thrown, told.length === 1 ? told[0]?.message : undefined);
    } finally {
      clearTimeout(timer);
      load.handlers -= 1;
    }
  }

  /** Those whose bodies fit the schema. The others fail. */
  private async fitting(
    batch: readonly Delivery<Body>[],
    schema: BodySchema,
  ): Promise<readonly Delivery<Body>[]> {
    const judged = batch.map(async (delivery) => {
      try {
        delivery.message = await withCheckedBody(delivery.message, schema);
        return [delivery];
      } catch (error) {
        delivery.isUnfit = error instanceof InvalidBodyError;
        this.settle(delivery, { error });
        return [];
      }
    });
    return (await Promise.all(judged)).flat();
  }

  /** The messages are given back, although their handler has not ended: others need not wait for it. */
  private timeOut(batch: readonly Delivery<Body>[], timeoutMs: number): void {
    for (const delivery of batch) {
      if (!this.intake.held.has(delivery) || delivery.isAnswered || delivery.isLost) continue;
      const error = new HandlerTimeoutError(delivery.message.id, timeoutMs);
      delivery.timeOut(error);
      this.settle(delivery, { error });
    }
  }

  /** Answers for one message before its handler has ended. */
  private settle(delivery: Delivery<Body>, outcome: Outcome): void {
    if (!this.intake.held.has(delivery) || delivery.isAnswered) return;
    if ('error' in outcome) {
      delivery.failWith(outcome.error);
      if (!delivery.isCancelled) this.report(outcome.error, delivery.message);
    } else {
      delivery.result = outcome.result;
    }
    void this.answer(delivery);
  }

  /** Sends the ack or nack, once. Returns whether the message has ended; false if it was given back before. */
  private answer(delivery: Delivery<Body>): Promise<boolean> {
    delivery.ended ??= this.send(delivery);
    return delivery.ended;
  }

  private async send(delivery: Delivery<Body>): Promise<boolean> {
    const { held, answers } = this.intake;
    if (!held.has(delivery)) return false;
    if (delivery.isCancelled) {
      held.remove(delivery);
      return true;
    }
    delivery.isAnswered = true;
    this.load.answering += 1;
    try {
      const status = await answers.tell(delivery);
      if (status === 'acked') this.listeners.done(delivery);
      else if (status === 'stale') this.tellStale(delivery);
      else this.listeners.failed(delivery, status);
      return status === 'acked';
    } catch (error) {
      // The message is delivered again: delivery is at least once.
      this.report(error, undefined);
      this.listeners.lost(delivery, error);
      return false;
    } finally {
      this.load.answering -= 1;
      held.remove(delivery);
      this.load.ended();
    }
  }

  private tellStale(delivery: Delivery<Body>): void {
    const { message } = delivery;
    const error = new ReceiptStaleError(message.id, message.receipt);
    this.report(error, message);
    this.listeners.lost(delivery, error);
  }
}
