import { createHash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import {
  type Acked,
  type Extended,
  MAX_MESSAGE_BYTES,
  type Nack,
  type Nacked,
  type Receive,
  type Received,
  type Send,
  type Sent,
} from '@syncline/contracts';
import type { HangUpSignal } from '@syncline/http';
import { StoreUnavailable } from '@syncline/redis';
import { defaultConfiguration } from './configuration.js';
import { toDelivery, toReceived } from './delivered.js';
import { DueTimers } from './due-timers.js';
import { Line } from './line.js';
import { Outbox } from './outbox.js';
import { MessageTooLarge, OverBeforeDue, QueueFull, QueueNotFound } from './queue.errors.js';
import { QueueStore } from './queue.store.js';
import { Receipts } from './receipts.js';
import type { Deliveries, NewMessage, ReceiveReply } from './scripts/delivery.scripts.js';

type Judged<Reply> = { readonly reply: Reply; readonly marks: string };

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

  /** @throws QueueFull MessageTooLarge OverBeforeDue; then none of the messages was taken */
  async send(queue: string, { messages }: Send): Promise<Sent> {
    const prepared = messages.map(prepare);
    for (;;) {
      const vouched = this.line.vouchFor(queue);
      const reply = await this.watch(queue, this.store.send(queue, prepared, vouched));
      if (reply === null) {
        const made = await this.store.configure(queue, defaultConfiguration(queue), true);
        this.timers.arm(queue, made.dueInMs);
      } else if (reply.outcome === 'full') {
        throw new QueueFull(queue, reply.limit);
      } else if (reply.outcome === 'over-before-due') {
        throw new OverBeforeDue(reply.index, reply.retentionMs);
      } else {
        this.timers.arm(queue, reply.dueInMs);
        for (const { receiver, deliveries } of reply.handed) {
          if (!vouched[receiver]?.hand(deliveries)) void this.takeBack(queue, deliveries);
        }
        return { messages: reply.messages };
      }
    }
  }

  /**
   * Waits up to `waitMs` for messages. What was taken for a caller who has gone meanwhile goes back to the front,
   * and does not count as a delivery: nobody was told its receipt.
   */
  async receive(queue: string, options: Receive, hangUp: HangUpSignal): Promise<Received> {
    const { max, waitMs, visibilityTimeoutMs } = options;
    if (waitMs === 0) {
      return this.answer(queue, await this.take(queue, { max, visibilityTimeoutMs, waiter: null }), hangUp);
    }
    const deadline = performance.now() + waitMs;
    const place = this.line.enter(queue, { max, visibilityTimeoutMs });
    try {
      for (;;) {
        const reply = await this.take(queue, { max, visibilityTimeoutMs, waiter: place.ask() });
        if (reply.messages.length > 0) return this.answer(queue, reply, hangUp);
        place.arrival = reply.arrival;
        const end = await place.wait(deadline - performance.now(), hangUp);
        if (end === 'over') break;
        if (end !== 'woken') return this.answer(queue, end, hangUp);
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

  async ack(queue: string, receipts: readonly string[]): Promise<Acked> {
    const { marks } = await this.judge(queue, receipts, async (deliveries) => {
      const reply = await this.store.acknowledge(queue, deliveries);
      return reply === null ? null : { reply, marks: reply };
    });
    return {
      results: receipts.map((receipt, i) => ({ receipt, status: marks[i] === '1' ? 'acked' : 'stale' })),
    };
  }

  /** @param how without `delayMs` a failure waits for the queue's back-off, and what is no failure for nothing */
  async nack(
    queue: string,
    receipts: readonly string[],
    { delayMs, countsAs }: Pick<Nack, 'delayMs' | 'countsAs'>,
  ): Promise<Nacked> {
    const { marks, reply } = await this.judge(queue, receipts, async (deliveries) => {
      const ended = await this.watch<{ marks: string; dueInMs: number | null; outboxLength?: number } | null>(
        queue,
        countsAs === 'none'
          ? this.store.giveBack(queue, deliveries, { delayMs, told: true })
          : this.store.reject(queue, deliveries, delayMs),
      );
      return ended === null ? null : { reply: ended, marks: ended.marks };
    });
    if (reply !== null) {
      this.timers.arm(queue, reply.dueInMs);
      await this.deliverDeadLetters(queue, reply.outboxLength ?? 0);
    }
    const statuses = { '0': 'stale', '1': 'requeued', '2': 'dead', '3': 'expired' } as const;
    return {
      results: receipts.map((receipt, i) => ({
        receipt,
        status: statuses[(marks[i] ?? '0') as keyof typeof statuses],
      })),
    };
  }

  async extend(queue: string, receipts: readonly string[], visibilityTimeoutMs: number): Promise<Extended> {
    const { marks, reply } = await this.judge(queue, receipts, async (deliveries) => {
      const extended = await this.watch(queue, this.store.extend(queue, deliveries, visibilityTimeoutMs));
      return extended === null ? null : { reply: extended, marks: extended.marks };
    });
    this.timers.arm(queue, reply?.dueInMs ?? null);
    return {
      results: receipts.map((receipt, i) => ({ receipt, status: marks[i] === '1' ? 'extended' : 'stale' })),
    };
  }

  /** Reads receipts, lets the store judge those that are genuine, and puts the marks back in order. */
  private async judge<Reply>(
    queue: string,
    receipts: readonly string[],
    decide: (deliveries: Parameters<QueueStore['acknowledge']>[1]) => Promise<Judged<Reply> | null>,
  ): Promise<{ marks: readonly string[]; reply: Reply | null }> {
    const read = await this.receipts.read(queue, receipts);
    const genuine = read.filter((delivery) => delivery !== null);
    if (genuine.length === 0) return { marks: receipts.map(() => '0'), reply: null };
    const judged = await decide(genuine);
    if (judged === null) throw new QueueNotFound(queue);
    let next = 0;
    return {
      marks: read.map((delivery) => (delivery === null ? '0' : (judged.marks[next++] ?? '0'))),
      reply: judged.reply,
    };
  }

  private async take(queue: string, options: Parameters<QueueStore['receive']>[1]): Promise<ReceiveReply> {
    const reply = await this.watch(queue, this.store.receive(queue, options));
    if (reply === null) throw new QueueNotFound(queue);
    this.timers.arm(queue, reply.dueInMs);
    // The receiver need not wait for the dead letters of others.
    void this.deliverDeadLetters(queue, reply.outboxLength);
    return reply;
  }

  private async answer(queue: string, deliveries: Deliveries, hangUp: HangUpSignal): Promise<Received> {
    if (hangUp.aborted) await this.takeBack(queue, deliveries);
    hangUp.throwIfAborted();
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

function prepare(message: Send['messages'][number], index: number): NewMessage {
  const { body, headers, priority, delayMs, groupId = null, ttlMs = null, deduplicationId } = message;
  const text = JSON.stringify(body);
  const counted = typeof body === 'string' ? body : text;
  // A UTF-16 unit takes three bytes at most.
  if (counted.length * 3 > MAX_MESSAGE_BYTES && Buffer.byteLength(counted) > MAX_MESSAGE_BYTES) {
    throw new MessageTooLarge(index, MAX_MESSAGE_BYTES);
  }
  return {
    content: { body: text, headers, priority, groupId, ttlMs, extra: null },
    delayMs,
    deduplicationHash:
      deduplicationId === undefined ? '' : createHash('sha256').update(deduplicationId).digest('base64url'),
  };
}
