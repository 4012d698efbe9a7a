import { randomUUID } from 'node:crypto';
import type {
  Acked,
  Browsed,
  Extended,
  Nacked,
  QueueConfiguration,
  Queue as QueueState,
} from '@syncline/contracts';
import { abortable } from '../abortable.js';
import { toError } from '../errors.js';
import { Collector } from '../transport/collector.js';
import type { Transport } from '../transport/transport.js';
import type {
  Message,
  MessageSource,
  NackOptions,
  QueueChanges,
  ReceiveOptions,
  SendOptions,
  SentMessage,
} from './message.js';
import { Sends } from './sends.js';
import { type Handler, Worker } from './worker.js';
import type { WorkerOptions } from './worker-options.js';

/** Most receipts in one request, and most bytes: below the limit of a body, 1 MiB. */
const MAX_ITEMS = 1_000;
const MAX_BATCH_BYTES = 900_000;
/** Dead letters that are moved by one call: by one step of the node, which is not done twice. */
const REDRIVE_PORTION = 100;

/** One queue. Calls of one turn of the event loop travel in one request and come back one by one. */
export class Queue<Body = unknown> implements MessageSource<Body> {
  private readonly path: string;
  private readonly sends: Sends;
  private readonly acks: Collector<string, 'acked' | 'stale'>;
  /** Receives that are under way. */
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
   * Sends one message; makes the queue when there is none. Answered: it is stored.
   *
   * @param body anything that JSON can carry
   * @throws {TypeError} JSON cannot carry the body: it is undefined, a function, a bigint, or refers to itself
   * @throws {QueueFullError} `maxLength` or `maxBytes` is reached
   * @throws {PayloadTooLargeError} over 256 KiB
   */
  async send(body: Body, options: SendOptions = {}): Promise<SentMessage> {
    return this.sends.add(body, options);
  }

  /**
   * Receives what is ready, or waits for it. Empty when there was none in time. When `signal` aborts, what was on its way
   * goes back, uncounted.
   *
   * @throws {NotFoundError} no such queue
   * @throws the reason of `signal`
   */
  async receive(options: ReceiveOptions = {}): Promise<Message<Body>[]> {
    const { signal, ...fields } = options;
    if (signal === undefined) return this.receiveUntil(undefined, fields);
    let isLate = false;
    const received = this.receiveUntil(signal, fields).then(async (messages) => {
      if (isLate) await this.giveBack(messages.map(({ receipt }) => receipt));
      return messages;
    });
    try {
      return await abortable(received, signal);
    } catch (error) {
      isLate = true;
      // Should that fail, the visibility timeout does it.
      void received.catch(() => undefined);
      throw error;
    }
  }

  /**
   * As {@link receive}; but what is on its way when the signal aborts is still received.
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
        // What a lost answer carried is delivered again after its visibility timeout.
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
   * Done with a delivery. `stale`: it was too late, the visibility timeout was over or the message cancelled. Then it is
   * delivered again, or was handled elsewhere already: the work is done twice.
   */
  async ack(receipt: string): Promise<'acked' | 'stale'> {
    return this.acks.add(receipt, receipt.length + 3);
  }

  /**
   * Gives deliveries back, to be delivered again after a delay. The status of each: `requeued`; `dead` when it failed too
   * often; `expired` when its time was over, so that it was removed; `stale` when the visibility timeout was over.
   *
   * @param options a number: `delayMs`
   */
  async nack(receipts: readonly string[], options: NackOptions | number = {}): Promise<Nacked['results']> {
    const how = typeof options === 'number' ? { delayMs: options } : options;
    return (await this.settle<Nacked>('nack', { receipts, ...how })).results;
  }

  /**
   * Gives back what was not handled: others receive it at once.
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
   * Receives and handles messages until it is stopped: acknowledges what the handler returns from, gives back with a
   * back-off what it throws on, and extends the visibility while it runs. Messages of one group are handled one after the
   * other, in their order, whatever the concurrency.
   *
   * @throws {ValidationError} a duration is none; {RangeError} so is another number
   */
  worker(handler: Handler<Body>, options: WorkerOptions = {}): Worker<Body> {
    return new Worker(this, handler, options);
  }

  /** Makes the queue, or changes its configuration. Fields that are not given get their defaults. */
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

  /** Looks at messages without receiving them, a page at a time. */
  browse(state: 'ready' | 'delayed' | 'inFlight', page: { cursor?: string; limit?: number } = {}) {
    const query = new URLSearchParams({ state });
    if (page.cursor !== undefined) query.set('cursor', page.cursor);
    if (page.limit !== undefined) query.set('limit', String(page.limit));
    const path = `${this.path}/messages?${query}`;
    return this.transport.json<Browsed>({ method: 'GET', path, idempotent: true });
  }

  /** Removes all messages. */
  async purge(): Promise<void> {
    await this.command('purge');
  }

  /** Nothing is delivered until {@link resume}; sends go on. */
  async pause(): Promise<void> {
    await this.command('pause');
  }

  /** Delivers again after {@link pause}. */
  async resume(): Promise<void> {
    await this.command('resume');
  }

  /**
   * Moves messages from this dead-letter queue back to where they came from, or to `to`, in portions, none of which is done
   * twice. Returns how many moved. When it fails, those that moved stay moved: calling again goes on.
   */
  async redrive(options: { readonly max?: number; readonly to?: string } = {}): Promise<number> {
    const { max = Number.POSITIVE_INFINITY, ...fields } = options;
    let moved = 0;
    for (;;) {
      const portion = Math.min(max - moved, REDRIVE_PORTION);
      const answer = await this.settle<{ moved: number }>('redrive', {
        ...fields,
        max: portion,
        id: randomUUID(),
      });
      moved += answer.moved;
      if (answer.moved < portion || moved === max) return moved;
    }
  }

  /** Removes the queue and its messages. */
  async delete(): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: this.path, idempotent: false });
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
