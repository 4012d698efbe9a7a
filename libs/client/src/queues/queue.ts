import { randomUUID } from 'node:crypto';
import type { Browsed, Extended, Nacked, QueueConfiguration, Queue as QueueState } from '@syncline/contracts';
import { abortable } from '../abortable.js';
import { CancelledError, DeadLetterError } from '../errors.js';
import type { Tracing } from '../tracing.js';
import { Acks } from './acks.js';
import { outgoing } from './chain.js';
import type { Guard, HeartbeatThread } from './heartbeats/heartbeat-thread.js';
import type {
  ChainedMessage,
  ExtendOptions,
  FoundMessages,
  Message,
  MessageFilter,
  MessageSelection,
  NackOptions,
  QueueChanges,
  ReceiveOptions,
  SendOptions,
  SentMessage,
  ShownMessage,
} from './message.js';
import type { OutgoingChained, QueuePort } from './queue-port.js';
import { changeSelected } from './selected.js';
import { Sends } from './sends.js';
import type { AnyHandler, AnyWorkerOptions, BatchHandler, Handler } from './worker/handler.js';
import type { Worker } from './worker/worker.js';
import type { BatchWorkerOptions, WorkerOptions } from './worker/worker-options.js';
import type { Workers } from './worker/workers.js';

/** Most receipts in one request. */
const MAX_ITEMS = 1_000;
/** Longest wait of one request for the end of a message. */
const WAIT_MS = 30_000;
/** Dead letters in one redrive call. The node moves them in one idempotent step. */
const REDRIVE_BATCH = 100;

/** One queue. The calls of one turn of the event loop are sent in one request, and each has its own outcome. */
export class Queue<Body = unknown> {
  private readonly sends: Sends;
  private readonly acks: Acks;
  /** Receives in flight. */
  private receiving = 0;

  /** @internal */
  constructor(
    private readonly port: QueuePort,
    private readonly thread: HeartbeatThread,
    private readonly workers: Workers,
    readonly name: string,
    /** @internal */
    readonly tracing: Tracing | undefined,
  ) {
    this.sends = new Sends(port, name, () => this.receiving > 0);
    this.acks = new Acks(port, name);
  }

  /**
   * Sends one message. Creates the queue when it does not exist. Once this is answered, the message is stored.
   *
   * @param body any JSON value
   * @throws {TypeError} the body is not a JSON value: undefined, a function, a bigint, or circular
   * @throws {QueueFullError} `maxLength` or `maxBytes` is reached
   * @throws {PayloadTooLargeError} the message is larger than the `maxMessageBytes` of the queue, by default 256 KiB
   */
  async send(body: Body, options: SendOptions = {}): Promise<SentMessage> {
    const { tracing } = this;
    if (tracing === undefined) return this.sends.add(body, options);
    return tracing.send(this.name, options.headers, (headers) =>
      this.sends.add(body, { ...options, headers }),
    );
  }

  /**
   * Receives ready messages, or waits for one. Returns an empty array when there was none in time. When `signal` aborts,
   * messages that are already on their way are given back, uncounted.
   *
   * @throws {NotFoundError} no such queue
   * @throws the reason of `signal`
   */
  receive(options: ReceiveOptions = {}): Promise<Message<Body>[]> {
    const { tracing } = this;
    return tracing === undefined
      ? this.receiveOrAbort(options)
      : tracing.receive(this.name, () => this.receiveOrAbort(options));
  }

  private async receiveOrAbort({ signal, ...fields }: ReceiveOptions): Promise<Message<Body>[]> {
    const received = this.receiveUntil(signal, fields);
    if (signal === undefined) return received;
    try {
      return await abortable(received, signal);
    } catch (error) {
      // The caller gets none of them, also where they had arrived in the moment of the abort. If this fails, the visibility
      // timeout gives the messages back.
      void received
        .then((messages) => this.giveBack(messages.map(({ receipt }) => receipt)))
        .catch(() => undefined);
      throw error;
    }
  }

  /**
   * Like {@link receive}, but when the signal aborts, messages that are on their way are still received.
   *
   * @internal
   */
  async receiveUntil(
    signal: AbortSignal | undefined,
    options: Omit<ReceiveOptions, 'signal'>,
  ): Promise<Message<Body>[]> {
    this.receiving++;
    try {
      const { messages } = await this.port.receive(this.name, options, { signal });
      return messages.map((message) =>
        Object.assign(message, { queue: this.name, body: message.body as Body }),
      );
    } finally {
      this.receiving--;
    }
  }

  /**
   * Acknowledges a delivery. `stale`: the visibility timeout was over or the message was cancelled. A message whose
   * timeout was over is delivered again, or already was, so its work is done twice.
   *
   * @param result what came of the message: a JSON value of at most 256 KiB, kept for the `keepResultsMs` of the queue
   * @param options `send`: up to ten messages that are sent in the same step. A stale delivery sends none, and a repeated call
   * sends nothing twice
   * @throws {TypeError} the result or a body is not a JSON value; {ValidationError} it is too large, or a message is not valid
   * @throws {QueueFullError} {PayloadTooLargeError} {ForbiddenError} a message that it sends is refused: nothing was
   * acknowledged or sent
   */
  async ack(
    receipt: string,
    result?: unknown,
    { send = [] }: { readonly send?: readonly ChainedMessage[] } = {},
  ): Promise<'acked' | 'stale'> {
    const { tracing, name: queue } = this;
    const chain = send.map((message) => outgoing(message, tracing));
    if (tracing === undefined) return this.ackAndSend(receipt, result, chain);
    return tracing.settle({ operation: 'ack', queue, count: 1 }, () =>
      this.ackAndSend(receipt, result, chain),
    );
  }

  /**
   * As {@link ack}, with messages that were written before.
   *
   * @internal
   */
  ackAndSend(
    receipt: string,
    result: unknown,
    chain: readonly OutgoingChained[],
  ): Promise<'acked' | 'stale'> {
    return this.acks.add(receipt, result, chain);
  }

  /**
   * Gives deliveries back; they are delivered again after a delay. The status of each: `requeued`; `dead` when it failed
   * too often; `expired` when its TTL was over and it was removed; `stale` when its visibility timeout was over.
   *
   * @param options a number: `delayMs`
   */
  async nack(receipts: readonly string[], options: NackOptions | number = {}): Promise<Nacked['results']> {
    const how = typeof options === 'number' ? { delayMs: options } : options;
    const { tracing, name: queue } = this;
    if (tracing === undefined) return this.requeue(receipts, how);
    return tracing.settle({ operation: 'nack', queue, count: receipts.length }, () =>
      this.requeue(receipts, how),
    );
  }

  /** @internal */
  async requeue(receipts: readonly string[], how: NackOptions): Promise<Nacked['results']> {
    return (await this.port.nack(this.name, receipts, how)).results;
  }

  /**
   * Gives back messages that were not handled: others can receive them at once.
   *
   * @internal
   */
  async giveBack(receipts: readonly string[]): Promise<void> {
    const calls: Promise<unknown>[] = [];
    for (let from = 0; from < receipts.length; from += MAX_ITEMS) {
      calls.push(this.requeue(receipts.slice(from, from + MAX_ITEMS), { countsAs: 'none' }));
    }
    await Promise.all(calls);
  }

  /**
   * Hides deliveries from others for `visibilityTimeoutMs` from now.
   *
   * @param options `progress`: how far they are, shown with each message; a JSON value of at most 4 KiB
   */
  async extend(
    receipts: readonly string[],
    visibilityTimeoutMs: number,
    { progress, signal }: ExtendOptions = {},
  ): Promise<Extended['results']> {
    const extending = this.port.extend(this.name, receipts, visibilityTimeoutMs, progress);
    return (await abortable(extending, signal)).results;
  }

  /**
   * Receives and handles messages until it is stopped or the client is closed. When the handler returns, the message is acknowledged; when it
   * throws, the message is given back with a back-off; while it runs, the visibility timeout is extended. Messages of one
   * group are handled one after the other, in order, at any concurrency.
   *
   * @throws {ValidationError} a duration is not valid; {RangeError} another number is not valid
   */
  worker(handler: BatchHandler<Body>, options: BatchWorkerOptions): Worker<Body>;
  worker(handler: Handler<Body>, options?: WorkerOptions): Worker<Body>;
  worker(handler: AnyHandler<Body>, options: AnyWorkerOptions = {}): Worker<Body> {
    return this.workers.start([this], handler, options);
  }

  /** @internal */
  guard(maxBlockedMs: number): Guard {
    return this.thread.guard(this.name, maxBlockedMs);
  }

  /** Creates the queue, or replaces its configuration. Omitted fields get their defaults. */
  async configure(changes: QueueChanges = {}): Promise<QueueConfiguration> {
    return this.port.configure(this.name, changes);
  }

  /** Configuration and exact counts. @throws {NotFoundError} no such queue */
  inspect(): Promise<QueueState> {
    return this.port.inspect(this.name);
  }

  /** Lists messages without receiving them, one page at a time. */
  browse(
    state: 'ready' | 'delayed' | 'inFlight',
    page: { cursor?: string; limit?: number } = {},
  ): Promise<Browsed> {
    return this.port.browse(this.name, { state, ...page });
  }

  /**
   * A page of the messages that fit; one call examines 5,000 at most. `dead`: those in the dead-letter queue of this queue.
   *
   * @throws {NotFoundError} no such queue
   */
  search(
    state: 'ready' | 'delayed' | 'inFlight' | 'dead',
    where: MessageFilter = {},
    page: { readonly cursor?: string; readonly limit?: number } = {},
  ): Promise<FoundMessages<Body>> {
    return this.port.search(this.name, { state, where, ...page }) as Promise<FoundMessages<Body>>;
  }

  /**
   * Deletes messages, in flight too: as {@link cancel}, for many.
   *
   * @returns how many; those that are not there are passed over
   * @throws {NotFoundError} no such queue
   */
  deleteMessages(selection: MessageSelection): Promise<number> {
    return changeSelected(selection, Number.POSITIVE_INFINITY, async (fields) => {
      const { deleted, cursor } = await this.port.deleteMessages(this.name, fields);
      return { count: deleted, cursor };
    });
  }

  /**
   * Where a message is, how its deliveries ended, and why it is not delivered. Dead letters are found under the queue that
   * they come from, too.
   *
   * @param options `waitMs`: wait until the message has ended, at most 30,000. Default 0
   * @throws {NotFoundError} no such queue or message, or nothing is kept of its end
   * @throws the reason of `signal`
   */
  message(
    id: string,
    { waitMs = 0, signal }: { readonly waitMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<ShownMessage<Body>> {
    return this.port.message(this.name, id, waitMs, { signal }) as Promise<ShownMessage<Body>>;
  }

  /**
   * Waits until a message has ended, for as long as that takes. Returns what its receiver acknowledged it with; null when there
   * was no result, or the queue keeps none: see `keepResultsMs`.
   *
   * @throws {CancelledError} it was cancelled
   * @throws {DeadLetterError} it is a dead letter
   * @throws {NotFoundError} no such queue or message, or nothing is kept of its end
   * @throws the reason of `signal`
   */
  async result<Result = unknown>(
    id: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Result> {
    for (;;) {
      const { state, result, attempts } = await this.port.message(this.name, id, WAIT_MS, { signal });
      if (state === 'done') return result as Result;
      if (state === 'cancelled') throw new CancelledError(id, null);
      if (state === 'dead') throw new DeadLetterError(id, attempts);
    }
  }

  /**
   * Gives a message that waits another delay, counted from now, or another priority.
   *
   * @throws {NotFoundError} no such queue or message
   * @throws {InFlightError} it is in flight
   */
  reschedule(
    id: string,
    change: { readonly delayMs?: number; readonly priority?: number },
  ): Promise<ShownMessage<Body>> {
    return this.port.reschedule(this.name, id, change) as Promise<ShownMessage<Body>>;
  }

  /**
   * Removes a message that waits or is in flight: it is not delivered any more. The signal of a handler that has it aborts
   * with a {@link CancelledError}. The same cancel again, within 5 minutes, is one call.
   *
   * @param options `reason`: told to who has the message; at most 256 bytes
   * @throws {NotFoundError} no such queue or message; it may be acknowledged already
   */
  async cancel(id: string, options: { readonly reason?: string } = {}): Promise<void> {
    await this.port.cancel(this.name, id, options);
  }

  /**
   * Waits until one of these deliveries is cancelled.
   *
   * @internal
   */
  async watch(receipts: readonly string[], waitMs: number, signal: AbortSignal) {
    const { cancelled } = await this.port.watch(this.name, receipts, waitMs, { signal });
    return cancelled;
  }

  /**
   * Waits until the queue is made. False when the time is over.
   *
   * @internal
   */
  async untilMade(waitMs: number, signal: AbortSignal): Promise<boolean> {
    return (await this.port.made(this.name, waitMs, { signal })).made;
  }

  /** Removes all messages. */
  async purge(): Promise<void> {
    await this.port.purge(this.name);
  }

  /** Stops deliveries until {@link resume}. The queue still accepts messages. */
  async pause(): Promise<void> {
    await this.port.pause(this.name);
  }

  /** Resumes deliveries after {@link pause}. */
  async resume(): Promise<void> {
    await this.port.resume(this.name);
  }

  /**
   * Moves messages from this dead-letter queue back to their original queues, or to `to`. Moves one batch at a time, each
   * exactly once. Returns how many moved. After a failure the moved messages stay moved; call it again to continue.
   *
   * @param options without `ids` and `where`: all that are ready, the oldest first
   */
  async redrive(
    options: { readonly max?: number; readonly to?: string } & Partial<MessageSelection> = {},
  ): Promise<number> {
    const { max = Number.POSITIVE_INFINITY, ids, where, ...fields } = options;
    if (ids !== undefined || where !== undefined) {
      return changeSelected({ ids, where } as MessageSelection, max, async (selected) => {
        const { moved: count, cursor } = await this.port.redrive(this.name, { ...fields, ...selected });
        return { count, cursor };
      });
    }
    let moved = 0;
    for (;;) {
      const batch = Math.min(max - moved, REDRIVE_BATCH);
      const answer = await this.port.redrive(this.name, { ...fields, max: batch, id: randomUUID() });
      moved += answer.moved;
      if (answer.moved < batch || moved === max) return moved;
    }
  }

  /** Removes the queue and its messages. */
  async delete(): Promise<void> {
    await this.port.remove(this.name);
  }
}
