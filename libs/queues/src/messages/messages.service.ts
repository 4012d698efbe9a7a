import { createHash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import {
  type Acked,
  answerItems,
  type Extended,
  type NewMessage as GivenMessage,
  type Receipts as GivenReceipts,
  MAX_MESSAGE_BYTES,
  type Nack,
  type Nacked,
  Problem,
  type Receive,
  type Received,
  type Send,
  type Sent,
  ValidationFailed,
} from '@syncline/contracts';
import { StoreUnavailable } from '@syncline/redis';
import type { DisconnectSignal } from '@syncline/runtime';
import { Outbox } from '../dead-letters/outbox.js';
import { Line } from '../delivery/line.js';
import { defaultConfiguration } from '../queues/configuration.js';
import { MessageTooLarge, OverBeforeDue, QueueFull, QueueNotFound } from '../queues/queue.errors.js';
import { QueueStore } from '../redis/queue.store.js';
import type { Delivery } from '../redis/receipt.js';
import type { Deliveries, NewMessage, ReceiveReply, SentOne } from '../redis/scripts/delivery.scripts.js';
import { DueTimers } from '../timers/due-timers.js';
import { toDelivery, toReceived } from './delivered.js';
import { Receipts } from './receipts.js';

/** What a script says of deliveries: one mark each, in their order. */
type Verdict = { readonly marks: string };
type Mark = '0' | '1' | '2' | '3';
const ACK = { 0: 'stale', 1: 'acked' } as const;
const NACK = { 0: 'stale', 1: 'requeued', 2: 'dead', 3: 'expired' } as const;
const EXTENSION = { 0: 'stale', 1: 'extended' } as const;

/** The life of messages: sent, received, ended. */
@Injectable()
export class MessagesService {
  private readonly logger = new Logger(MessagesService.name);

  constructor(
    private readonly store: QueueStore,
    private readonly receipts: Receipts,
    private readonly line: Line,
    private readonly timers: DueTimers,
    private readonly outbox: Outbox,
  ) {}

  /** @throws QueueFull; then none of the messages was taken. When all are refused: what the first one is refused for */
  async send(queue: string, { messages }: Send): Promise<Sent> {
    const prepared = messages.map(prepare);
    const sound = prepared.filter((one): one is NewMessage => !(one instanceof Problem));
    const indicesOf = (fits: readonly number[]) => {
      const fitting = new Set(fits.map((i) => sound[i]));
      return prepared.flatMap((one, i) => (one instanceof Problem || fitting.has(one) ? [i] : []));
    };
    const sent = sound.length === 0 ? [] : await this.append(queue, sound, indicesOf);
    let next = 0;
    const outcomes = prepared.map((one) => {
      if (one instanceof Problem) return one;
      const outcome = sent[next++] as SentOne;
      return 'retentionMs' in outcome ? new OverBeforeDue(outcome.retentionMs) : outcome;
    });
    return { messages: answerItems(outcomes, `${pathOf(queue)}/messages`, () => ({})) };
  }

  /**
   * Waits up to `waitMs` for messages. What was taken for a caller who has gone meanwhile goes back to the front,
   * and does not count as a delivery: nobody was told its receipt.
   */
  async receive(queue: string, options: Receive, disconnect: DisconnectSignal): Promise<Received> {
    const { max, waitMs, visibilityTimeoutMs } = options;
    if (waitMs === 0) {
      return this.answer(
        queue,
        await this.take(queue, { max, visibilityTimeoutMs, waiter: null }),
        disconnect,
      );
    }
    const deadline = performance.now() + waitMs;
    const place = this.line.enter(queue, { max, visibilityTimeoutMs });
    try {
      for (;;) {
        const reply = await this.take(queue, { max, visibilityTimeoutMs, waiter: place.ask() });
        if (reply.messages.length > 0) return this.answer(queue, reply, disconnect);
        place.arrival = reply.arrival;
        const end = await place.wait(deadline - performance.now(), disconnect);
        if (end === 'over') break;
        if (end !== 'woken') return this.answer(queue, end, disconnect);
      }
    } catch (error) {
      this.line.giveUp(queue, place.id);
      throw error;
    } finally {
      const left = this.line.leave(queue, place);
      if (left !== null) void this.takeBack(queue, left);
    }
    this.line.giveUp(queue, place.id);
    return { messages: [] };
  }

  async ack(queue: string, receipts: GivenReceipts): Promise<Acked> {
    const judged = await this.judge(queue, receipts, async (deliveries) => {
      const marks = await this.store.acknowledge(queue, deliveries);
      return marks === null ? null : { marks };
    });
    return answerReceipts(receipts, judged.marks, ACK, `${pathOf(queue)}/ack`);
  }

  /** @param how without `delayMs` a failure waits for the queue's back-off, and what is no failure for nothing */
  async nack(
    queue: string,
    receipts: GivenReceipts,
    { delayMs, countsAs }: Pick<Nack, 'delayMs' | 'countsAs'>,
  ): Promise<Nacked> {
    const { marks, verdict } = await this.judge(queue, receipts, (deliveries) =>
      this.watch<(Verdict & { dueInMs: number | null; outboxLength?: number }) | null>(
        queue,
        countsAs === 'none'
          ? this.store.giveBack(queue, deliveries, { delayMs, told: true })
          : this.store.reject(queue, deliveries, delayMs),
      ),
    );
    if (verdict !== null) {
      this.timers.arm(queue, verdict.dueInMs);
      await this.deliverDeadLetters(queue, verdict.outboxLength ?? 0);
    }
    return answerReceipts(receipts, marks, NACK, `${pathOf(queue)}/nack`);
  }

  async extend(queue: string, receipts: GivenReceipts, visibilityTimeoutMs: number): Promise<Extended> {
    const { marks, verdict } = await this.judge(queue, receipts, (deliveries) =>
      this.watch(queue, this.store.extend(queue, deliveries, visibilityTimeoutMs)),
    );
    this.timers.arm(queue, verdict?.dueInMs ?? null);
    return answerReceipts(receipts, marks, EXTENSION, `${pathOf(queue)}/extend`);
  }

  /** All that can be taken, or none. */
  private async append(
    queue: string,
    messages: readonly NewMessage[],
    indicesOf: (fits: readonly number[]) => readonly number[],
  ): Promise<readonly SentOne[]> {
    for (;;) {
      const vouched = this.line.vouchFor(queue);
      const reply = await this.watch(queue, this.store.send(queue, messages, vouched));
      if (reply === null) {
        const made = await this.store.make(queue, defaultConfiguration(queue));
        this.timers.arm(queue, made.dueInMs);
      } else if (reply.outcome === 'full') {
        throw new QueueFull(queue, reply.limit, indicesOf(reply.fits));
      } else {
        this.timers.arm(queue, reply.dueInMs);
        for (const { receiver, deliveries } of reply.handed) {
          if (!vouched[receiver]?.hand(deliveries)) void this.takeBack(queue, deliveries);
        }
        return reply.messages;
      }
    }
  }

  /** Reads receipts, lets the store judge those that are genuine, and puts the marks back in order. */
  private async judge<Reply extends Verdict>(
    queue: string,
    receipts: GivenReceipts,
    decide: (deliveries: readonly Delivery[]) => Promise<Reply | null>,
  ): Promise<{ marks: readonly (Mark | Problem)[]; verdict: Reply | null }> {
    const read = await this.receipts.read(queue, receipts);
    const genuine = read.filter((one): one is Delivery => one !== null && !(one instanceof Problem));
    const verdict = genuine.length === 0 ? null : await decide(genuine);
    if (verdict === null && genuine.length > 0) throw new QueueNotFound(queue);
    let next = 0;
    const marks = read.map((one) => {
      if (one instanceof Problem) return one;
      return one === null ? '0' : (verdict?.marks[next++] as Mark);
    });
    return { marks, verdict };
  }

  private async take(queue: string, options: Parameters<QueueStore['receive']>[1]): Promise<ReceiveReply> {
    const reply = await this.watch(queue, this.store.receive(queue, options));
    if (reply === null) throw new QueueNotFound(queue);
    this.timers.arm(queue, reply.dueInMs);
    // The receiver need not wait for the dead letters of others.
    void this.deliverDeadLetters(queue, reply.outboxLength);
    return reply;
  }

  private async answer(
    queue: string,
    deliveries: Deliveries,
    disconnect: DisconnectSignal,
  ): Promise<Received> {
    if (disconnect.aborted) await this.takeBack(queue, deliveries);
    disconnect.throwIfAborted();
    this.receipts.learn(queue, deliveries.secret);
    return toReceived(queue, deliveries);
  }

  /** Never fails: should Redis be away, the visibility timeout does it. */
  private async takeBack(queue: string, { gen, messages }: Deliveries): Promise<void> {
    if (messages.length === 0) return;
    try {
      const untold = messages.map((message) => toDelivery(gen, message));
      const reply = await this.store.giveBack(queue, untold);
      this.timers.arm(queue, reply?.dueInMs ?? null);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
    }
  }

  /** Never fails: what waits in the outbox is safe there, and the timers try again. */
  private async deliverDeadLetters(queue: string, outboxLength: number): Promise<void> {
    if (outboxLength === 0) return;
    try {
      await this.outbox.deliver(queue);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
      this.timers.armAfterFailure(queue);
    }
  }

  /** A call that may have taken effect without an answer may also have made something due. */
  private async watch<Reply>(queue: string, call: Promise<Reply>): Promise<Reply> {
    try {
      return await call;
    } catch (error) {
      this.timers.armAfterFailure(queue);
      throw error;
    }
  }
}

/** Refused by itself when it is ill-formed or too large. */
function prepare(message: GivenMessage | ValidationFailed): NewMessage | Problem {
  if (message instanceof ValidationFailed) return message;
  const { body, headers, priority, delayMs, groupId = null, ttlMs = null, deduplicationId } = message;
  const text = JSON.stringify(body);
  if (isTooLarge(typeof body === 'string' ? body : text, headers))
    return new MessageTooLarge(MAX_MESSAGE_BYTES);
  return {
    content: { body: text, headers, priority, groupId, ttlMs, extra: null },
    delayMs,
    deduplicationHash:
      deduplicationId === undefined ? '' : createHash('sha256').update(deduplicationId).digest('base64url'),
  };
}

function isTooLarge(body: string, headers: Readonly<Record<string, string>>): boolean {
  const texts = [body, ...Object.entries(headers).flat()];
  const units = texts.reduce((sum, text) => sum + text.length, 0);
  // A UTF-16 unit takes three bytes at most.
  if (units * 3 <= MAX_MESSAGE_BYTES) return false;
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) > MAX_MESSAGE_BYTES;
}

const pathOf = (queue: string) => `/v1/queues/${encodeURIComponent(queue)}`;

function answerReceipts<Status extends string>(
  receipts: GivenReceipts,
  marks: readonly (Mark | Problem)[],
  statuses: Readonly<Partial<Record<Mark, Status>>>,
  path: string,
) {
  const outcomes = marks.map((mark, i) =>
    mark instanceof Problem ? mark : { receipt: receipts[i] as string, status: statuses[mark] as Status },
  );
  return {
    results: answerItems(outcomes, path, (i) => {
      const receipt = receipts[i];
      return typeof receipt === 'string' ? { receipt } : {};
    }),
  };
}
