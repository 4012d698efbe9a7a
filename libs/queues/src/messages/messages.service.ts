import { Injectable } from '@nestjs/common';
import {
  type Ack,
  type Acked,
  answerItems,
  type Browsed,
  type BrowseQuery,
  type ChainedMessage,
  type Durability,
  defaultConfiguration,
  type Extend,
  type Extended,
  type Receipts as GivenReceipts,
  IllFormed,
  type Nack,
  type Nacked,
  Problem,
  type Send,
  type Sent,
} from '@syncline/contracts';
import { Tenants } from '@syncline/runtime';
import { ChainsService } from '../chains/chains.service.js';
import { DeliveryService } from '../delivery/delivery.service.js';
import { ParkedReceivers } from '../delivery/parked-receivers.js';
import { existing, QueueNotFound } from '../queues/queue.errors.js';
import { Memory } from '../recovery/memory.js';
import { messageId, seqOf } from '../redis/message-id.js';
import { QueueStore } from '../redis/queue.store.js';
import type { Delivery } from '../redis/receipt.js';
import { bytesOfRecords, encodeTails } from '../redis/record.js';
import type { Verdicts } from '../redis/scripts/ends.js';
import { isPlain, type NewMessage, type SendReply, type SentMessage } from '../redis/scripts/send.js';
import { DueTimers } from '../timers/due-timers.js';
import { OverBeforeDue, QueueFull } from './message.errors.js';
import { MessageBytes } from './message-bytes.js';
import { MessageLimits } from './message-limits.js';
import { toBrowsed } from './message-view.js';
import { toNewMessage } from './new-message.js';
import { Receipts } from './receipts.js';
import { Superseded } from './superseded.js';

/** The life of messages: sent, looked at, ended. */
@Injectable()
export class MessagesService {
  private readonly limits = new MessageLimits();

  constructor(
    private readonly store: QueueStore,
    private readonly receipts: Receipts,
    private readonly receivers: ParkedReceivers,
    private readonly delivery: DeliveryService,
    private readonly timers: DueTimers,
    private readonly memory: Memory,
    private readonly tenants: Tenants,
    private readonly bytes: MessageBytes,
    private readonly chains: ChainsService,
  ) {}

  /**
   * Sends messages.
   *
   * @param makes whether it makes the queue when there is none
   * @param sizes bytes of each, as they count against the largest message; otherwise those of its headers and its body
   * @throws QueueFull; then none of the messages was taken. When all are refused: what the first one is refused for
   * @throws QueueNotFound when there is none, and it makes none
   * @throws Problem `rate-limited` when its tenant has as many queues, or bytes, as it may
   */
  async send(
    queue: string,
    { messages }: Send,
    { makes = true, sizes }: { readonly makes?: boolean; readonly sizes?: readonly number[] } = {},
  ): Promise<Sent> {
    for (;;) {
      const limit = this.limits.of(queue);
      const prepared = messages.map((one, i) => toNewMessage(one, limit, sizes?.[i]));
      const sent = await this.sendPrepared(queue, prepared, limit, makes);
      if (sent !== null) return sent;
    }
  }

  /** @throws QueueNotFound */
  async browse(queue: string, { state, cursor = '', limit }: BrowseQuery): Promise<Browsed> {
    const page = existing(queue, await this.store.browse(queue, { state, cursor, limit }));
    return { messages: page.messages.map(toBrowsed), cursor: page.cursor };
  }

  /**
   * A delivery whose result is refused is not acknowledged.
   *
   * @throws QueueNotFound; MessageTooLarge, OverBeforeDue, QueueFull of what it sends: then nothing was acknowledged
   */
  async ack(queue: string, { receipts, results, send = [] }: Ack): Promise<Acked> {
    const chain = send.length === 0 ? null : await this.judgeChain(queue, receipts, send);
    if (results === undefined) {
      return this.end(queue, 'ack', receipts, (deliveries) =>
        this.store.acknowledge(queue, deliveries, null, chain),
      );
    }
    const acknowledge = (deliveries: readonly Delivery[], indices: readonly number[]) => {
      const texts = indices.map((i) => (results[i] === null ? '' : JSON.stringify(results[i])));
      return this.store.acknowledge(queue, deliveries, texts, chain);
    };
    return this.end(queue, 'ack', receipts, acknowledge, results);
  }

  /**
   * @param how without `delayMs` a failure waits for the queue's back-off, and what is no failure for nothing
   * @throws QueueNotFound
   */
  nack(
    queue: string,
    receipts: GivenReceipts,
    { countsAs, dead, ...how }: Omit<Nack, 'receipts'>,
  ): Promise<Nacked> {
    return this.end<'requeued' | 'dead' | 'expired'>(queue, 'nack', receipts, (deliveries) =>
      countsAs === 'none' && !dead
        ? this.store.giveBack(queue, deliveries, { ...how, told: true })
        : this.store.reject(queue, deliveries, { ...how, dead }),
    );
  }

  /** @throws QueueNotFound */
  extend(queue: string, { receipts, visibilityTimeoutMs, progress }: Extend): Promise<Extended> {
    const text = progress === undefined ? '' : JSON.stringify(progress);
    return this.end(queue, 'extend', receipts, (deliveries) =>
      this.store.extend(queue, deliveries, visibilityTimeoutMs, text),
    );
  }

  /**
   * The messages that receipts stand for, whatever became of them, and when they were handed out, in ms since 1970.
   *
   * @returns null for a receipt that is not of this queue
   * @throws QueueNotFound
   */
  async delivered(queue: string, receipts: GivenReceipts): Promise<(Delivered | null)[]> {
    const read = await this.receipts.read(queue, receipts);
    return read.map((one) =>
      one === null || one instanceof Problem ? null : { id: messageId(one.gen, one.token), at: one.at },
    );
  }

  /** Null: the receipt sends nothing, any more or at all. */
  private async judgeChain(queue: string, receipts: GivenReceipts, send: readonly ChainedMessage[]) {
    const [delivery] = await this.receipts.read(queue, receipts);
    if (!delivery || delivery instanceof Problem) return null;
    try {
      return await this.chains.judge(send, { queue, delivery });
    } catch (refusal) {
      // It is too late to refuse what was acknowledged by an earlier call.
      if (await this.store.wasAcked(queue, delivery)) return null;
      throw refusal;
    }
  }

  /** @param limit by which they were judged. Null: the queue has another one */
  private async sendPrepared(
    queue: string,
    prepared: readonly (NewMessage | Problem)[],
    limit: number,
    makes: boolean,
  ): Promise<Sent | null> {
    const sound = prepared.filter((one): one is NewMessage => !(one instanceof Problem));
    const superseded = new Superseded(sound);
    const { sent } = superseded;
    const indicesOf = (fits: readonly number[]) => {
      const fitting = new Set(fits.map((i) => sent[i]));
      let next = 0;
      return prepared.flatMap((one, i) =>
        one instanceof Problem || fitting.has(superseded.sentInStead(next++)) ? [i] : [],
      );
    };
    if (sound.length === 0 && !(await this.isLimit(queue, limit))) return null;
    const batch = sound.length === 0 ? NOTHING_SENT : await this.append(queue, sent, limit, indicesOf, makes);
    if (batch === null) return null;
    const outcomesOfSound = superseded.outcomesOfAll(batch.messages);
    let next = 0;
    const outcomes = prepared.map((one) => {
      if (one instanceof Problem) return one;
      const outcome = outcomesOfSound[next++] as SentMessage;
      return 'retentionMs' in outcome ? new OverBeforeDue(outcome.retentionMs) : outcome;
    });
    const answered = answerItems(outcomes, `${pathOf(queue)}/messages`, () => ({}));
    return { messages: answered, durability: batch.durability };
  }

  private async isLimit(queue: string, limit: number): Promise<boolean> {
    const actual = await this.store.maxMessageBytes(queue);
    this.limits.learn(queue, actual);
    return actual === limit;
  }

  /** All that can be taken, or none. Null: they were judged by another limit than the queue has. */
  private async append(
    queue: string,
    messages: readonly NewMessage[],
    maxMessageBytes: number,
    indicesOf: (fits: readonly number[]) => readonly number[],
    makes: boolean,
  ): Promise<SentBatch | null> {
    const tails = encodeTails(messages.map(({ content }) => content));
    const tenant = this.tenants.of(queue);
    if (tenant !== undefined) await this.bytes.take(tenant, bytesOfRecords(tails, messages.length));
    for (;;) {
      const localWaiters = this.receivers.localWaiters(queue);
      const call = this.store.send(queue, { messages, tails, maxMessageBytes, localWaiters });
      const reply = await this.timers.follow(queue, call);
      if (reply === null) {
        if (!makes) throw new QueueNotFound(queue);
        await this.timers.follow(queue, this.store.make(queue, defaultConfiguration(queue), { tenant }));
      } else if (reply.outcome === 'limit') {
        this.limits.learn(queue, reply.maxMessageBytes);
        return null;
      } else if (reply.outcome === 'full') {
        throw new QueueFull(queue, reply.limit, indicesOf(reply.fits));
      } else {
        this.delivery.handOver(queue, localWaiters, reply.handed);
        const options = messages.every(isPlain) ? [] : messages;
        this.memory.sent(queue, reply.gen, { at: performance.now(), seqs: reply.seqs, tails, options });
        return reply;
      }
    }
  }

  /**
   * Applies a call to those of the receipts that are genuine; the others are stale, or no receipts at all.
   *
   * @param results of their messages; an ill-formed one is refused in its place
   */
  private async end<Verdict extends string>(
    queue: string,
    call: 'ack' | 'nack' | 'extend',
    receipts: GivenReceipts,
    applyToGenuine: (
      deliveries: readonly Delivery[],
      indices: readonly number[],
    ) => Promise<Verdicts<Verdict> | null>,
    results: readonly unknown[] = [],
  ) {
    const read = (await this.receipts.read(queue, receipts)).map((one, i) => {
      const result = results[i];
      return result instanceof IllFormed ? result : one;
    });
    const genuine: Delivery[] = [];
    const indices: number[] = [];
    for (const [i, one] of read.entries()) {
      if (one === null || one instanceof Problem) continue;
      genuine.push(one);
      indices.push(i);
    }
    let verdicts: Verdicts<Verdict>['verdicts'] = [];
    let durability: Durability = 'local';
    if (genuine.length > 0) {
      const reply = existing(queue, await this.timers.follow(queue, applyToGenuine(genuine, indices)));
      await this.timers.emptyOutbox(queue, reply.outboxLength);
      ({ verdicts, durability } = reply);
      this.remember(queue, genuine, reply);
    }
    let next = 0;
    const outcomes = read.map((one, i): Problem | { receipt: string; status: Verdict | 'stale' } => {
      if (one instanceof Problem) return one;
      const status = one === null ? 'stale' : (verdicts[next++] as Verdict | 'stale');
      return { receipt: receipts[i] as string, status };
    });
    const nameOf = (i: number) => {
      const receipt = receipts[i];
      return typeof receipt === 'string' ? { receipt } : {};
    };
    return { results: answerItems(outcomes, `${pathOf(queue)}/${call}`, nameOf), durability };
  }

  /** What has ended is not sent again, should Redis lose it. */
  private remember(
    queue: string,
    deliveries: readonly Delivery[],
    { verdicts, gone }: Verdicts<string>,
  ): void {
    const ended = deliveries.filter((_, i) => ENDS.has(verdicts[i] as string));
    const gen = ended[0]?.gen;
    if (gen === undefined) return;
    this.memory.ended(
      queue,
      gen,
      ended.map(({ token }) => seqOf(token)),
      gone,
    );
  }
}

const ENDS: ReadonlySet<string> = new Set(['acked', 'dead', 'expired']);

/** What a receipt stands for. */
export interface Delivered {
  readonly id: string;
  readonly at: number | null;
}

type SentBatch = Pick<Extract<SendReply, { outcome: 'sent' }>, 'messages' | 'durability'>;
const NOTHING_SENT: SentBatch = { messages: [], durability: 'local' };

const pathOf = (queue: string) => `/v1/queues/${encodeURIComponent(queue)}`;
