import { randomUUID } from 'node:crypto';
import type {
  Acked,
  Browsed,
  DeletedMessages,
  Extended,
  Nacked,
  QueueConfiguration,
  Queue as QueueState,
  Redriven,
  Watched,
} from '@syncline/contracts';
import { abortable } from '../abortable.js';
import { toError } from '../errors.js';
import { Collector } from '../transport/collector.js';
import type { Transport } from '../transport/transport.js';
import type {
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
import { changeSelected } from './selected.js';
import { Sends } from './sends.js';
import { type Handler, Worker } from './worker.js';
import type { WorkerOptions } from './worker-options.js';

/** Most receipts in one request, and most bytes: below the body limit of 1 MiB. */
const MAX_ITEMS = 1_000;
const MAX_BATCH_BYTES = 900_000;
/** Dead letters in one redrive call. The node moves them in one idempotent step. */
const REDRIVE_BATCH = 100;

/** One queue. The calls of one turn of the event loop are sent in one request, and each has its own outcome. */
export class Queue<Body = unknown> {
  private readonly path: string;
  private readonly sends: Sends;
  private readonly acks: Collector<string, 'acked' | 'stale'>;
  /** Receives in flight. */
  private receiving = 0;

  /** @internal */
  constructor(
    private readonly transport: Transport,
    readonly name: string,
  ) {
    this.path = `/v1/queues/${encodeURIComponent(name)}`;
    this.sends = new Sends(transport, `${this.path}/messages`, () => this.receiving > 0);
    this.acks = new Collector<string, 'acked' | 'stale'>({
      maxItems: MAX_ITEMS,
      maxBytes: MAX_BATCH_BYTES,
      run: async (receipts) => {
        const { results } = await this.settle<Acked>('ack', { receipts });
        return results.map((one) => ('problem' in one ? toError(one.status, one.problem) : one.status));
      },
    });
  }

  /**
   * Sends one message. Creates the queue when it does not exist. Once this is answered, the message is stored.
   *
   * @param body any JSON value
   * @throws {TypeError} the body is not a JSON value: undefined, a function, a bigint, or circular
   * @throws {QueueFullError} `maxLength` or `maxBytes` is reached
   * @throws {PayloadTooLargeError} the message is larger than 256 KiB
   */
  async send(body: Body, options: SendOptions = {}): Promise<SentMessage> {
    return this.sends.add(body, options);
  }

  /**
   * Receives ready messages, or waits for one. Returns an empty array when there was none in time. When `signal` aborts,
   * messages that are already on their way are given back, uncounted.
   *
   * @throws {NotFoundError} no such queue
   * @throws the reason of `signal`
   */
  async receive(options: ReceiveOptions = {}): Promise<Message<Body>[]> {
    const { signal, ...fields } = options;
    if (signal === undefined) return this.receiveUntil(undefined, fields);
    const received = this.receiveUntil(signal, fields);
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
      const { messages } = await this.transport.json<{ messages: Message<Body>[] }>({
        method: 'POST',
        path: `${this.path}/receive`,
        body: JSON.stringify(options),
        // The messages of a lost answer are delivered again after their visibility timeout.
        idempotent: true,
        waitMs: options.waitMs ?? 0,
        signal,
        takesLateAnswer: true,
      });
      return messages;
    } finally {
      this.receiving--;
    }
  }

  /**
   * Acknowledges a delivery. `stale`: the visibility timeout was over or the message was cancelled. A message whose
   * timeout was over is delivered again, or already was, so its work is done twice.
   */
  async ack(receipt: string): Promise<'acked' | 'stale'> {
    return this.acks.add(receipt, receipt.length + 3);
  }

  /**
   * Gives deliveries back; they are delivered again after a delay. The status of each: `requeued`; `dead` when it failed
   * too often; `expired` when its TTL was over and it was removed; `stale` when its visibility timeout was over.
   *
   * @param options a number: `delayMs`
   */
  async nack(receipts: readonly string[], options: NackOptions | number = {}): Promise<Nacked['results']> {
    const how = typeof options === 'number' ? { delayMs: options } : options;
    return (await this.settle<Nacked>('nack', { receipts, ...how })).results;
  }

  /**
   * Gives back messages that were not handled: others can receive them at once.
   *
   * @internal
   */
  async giveBack(receipts: readonly string[]): Promise<void> {
    const calls: Promise<unknown>[] = [];
    for (let from = 0; from < receipts.length; from += MAX_ITEMS) {
      calls.push(this.nack(receipts.slice(from, from + MAX_ITEMS), { countsAs: 'none' }));
    }
    await Promise.all(calls);
  }

  /** Hides deliveries from others for `visibilityTimeoutMs` from now. */
  async extend(
    receipts: readonly string[],
    visibilityTimeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Extended['results']> {
    const extending = this.settle<Extended>('extend', { receipts, visibilityTimeoutMs });
    return (await abortable(extending, signal)).results;
  }

  /**
   * Receives and handles messages until it is stopped. When the handler returns, the message is acknowledged; when it
   * throws, the message is given back with a back-off; while it runs, the visibility timeout is extended. Messages of one
   * group are handled one after the other, in order, at any concurrency.
   *
   * @throws {ValidationError} a duration is not valid; {RangeError} another number is not valid
   */
  worker(handler: Handler<Body>, options: WorkerOptions = {}): Worker<Body> {
    return new Worker(this, handler, options);
  }

  /** Creates the queue, or replaces its configuration. Omitted fields get their defaults. */
  async configure(changes: QueueChanges = {}): Promise<QueueConfiguration> {
    return this.transport.json({
      method: 'PUT',
      path: this.path,
      body: JSON.stringify(changes),
      idempotent: true,
    });
  }

  /** Configuration and exact counts. @throws {NotFoundError} no such queue */
  inspect(): Promise<QueueState> {
    return this.transport.json({ method: 'GET', path: this.path, idempotent: true });
  }

  /** Lists messages without receiving them, one page at a time. */
  browse(state: 'ready' | 'delayed' | 'inFlight', page: { cursor?: string; limit?: number } = {}) {
    const query = new URLSearchParams({ state });
    if (page.cursor !== undefined) query.set('cursor', page.cursor);
    if (page.limit !== undefined) query.set('limit', String(page.limit));
    const path = `${this.path}/messages?${query}`;
    return this.transport.json<Browsed>({ method: 'GET', path, idempotent: true });
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
    return this.settle('messages/search', { state, where, ...page });
  }

  /**
   * Deletes messages, in flight too: as {@link cancel}, for many.
   *
   * @returns how many; those that are not there are passed over
   * @throws {NotFoundError} no such queue
   */
  deleteMessages(selection: MessageSelection): Promise<number> {
    return changeSelected(selection, Number.POSITIVE_INFINITY, async (fields) => {
      const { deleted, cursor } = await this.settle<DeletedMessages>('messages/delete', fields);
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
    const path = `${this.pathOf(id)}?waitMs=${waitMs}`;
    return this.transport.json({ method: 'GET', path, idempotent: true, waitMs, signal });
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
    const path = this.pathOf(id);
    return this.transport.json({ method: 'PATCH', path, body: JSON.stringify(change), idempotent: true });
  }

  /**
   * Removes a message that waits or is in flight: it is not delivered any more. The signal of a handler that has it aborts
   * with a {@link CancelledError}. The same cancel again, within 5 minutes, is one call.
   *
   * @param options `reason`: told to who has the message; at most 256 bytes
   * @throws {NotFoundError} no such queue or message; it may be acknowledged already
   */
  async cancel(id: string, options: { readonly reason?: string } = {}): Promise<void> {
    const path = this.pathOf(id);
    await this.transport.call({ method: 'DELETE', path, body: JSON.stringify(options), idempotent: true });
  }

  /**
   * Waits until one of these deliveries is cancelled.
   *
   * @internal
   */
  async watch(receipts: readonly string[], waitMs: number, signal: AbortSignal) {
    const { cancelled } = await this.transport.json<Watched>({
      method: 'POST',
      path: `${this.path}/watch`,
      body: JSON.stringify({ receipts, waitMs }),
      idempotent: true,
      waitMs,
      signal,
    });
    return cancelled;
  }

  /** Removes all messages. */
  async purge(): Promise<void> {
    await this.command('purge');
  }

  /** Stops deliveries until {@link resume}. The queue still accepts messages. */
  async pause(): Promise<void> {
    await this.command('pause');
  }

  /** Resumes deliveries after {@link pause}. */
  async resume(): Promise<void> {
    await this.command('resume');
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
        const { moved: count, cursor } = await this.settle<Redriven>('redrive', { ...fields, ...selected });
        return { count, cursor };
      });
    }
    let moved = 0;
    for (;;) {
      const batch = Math.min(max - moved, REDRIVE_BATCH);
      const answer = await this.settle<{ moved: number }>('redrive', {
        ...fields,
        max: batch,
        id: randomUUID(),
      });
      moved += answer.moved;
      if (answer.moved < batch || moved === max) return moved;
    }
  }

  /** Removes the queue and its messages. */
  async delete(): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: this.path, idempotent: false });
  }

  private pathOf(id: string): string {
    return `${this.path}/messages/${encodeURIComponent(id)}`;
  }

  private command<T>(verb: string): Promise<T> {
    const path = `${this.path}/${verb}`;
    return this.transport.json({ method: 'POST', path, body: '{}', idempotent: false });
  }

  private settle<T>(verb: string, body: object): Promise<T> {
    const path = `${this.path}/${verb}`;
    return this.transport.json({ method: 'POST', path, body: JSON.stringify(body), idempotent: true });
  }
}
