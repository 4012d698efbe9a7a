import type {
  Acked,
  Browsed,
  Extended,
  Nacked,
  QueueConfiguration,
  Queue as QueueState,
  ReceivedMessage,
  RefusedItem,
  Sent,
} from '@syncline/contracts';
import { abortable } from '../abortable.js';
import { ProblemError, type SynclineError, toError } from '../errors.js';
import { Collector } from '../transport/collector.js';
import type { Transport } from '../transport/transport.js';
import { type Handler, Worker, type WorkerOptions } from './worker.js';

/** Most messages or receipts in one request, and most bytes: below the limit of a body, 1 MiB. */
const MAX_ITEMS = 1_000;
const MAX_BATCH_BYTES = 900_000;
/** Messages that are worth a request of their own. */
const WORTH_ONE = 32;

/** What a message carries beside its body, and when it is delivered. */
export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Not delivered before that. Default 0. */
  readonly delayMs?: number;
  /** 0 to 9, higher first. Default 0. */
  readonly priority?: number;
  /** Messages of one group are delivered in order, one batch at a time. */
  readonly groupId?: string;
  /**
   * Remembered for 5 minutes: the same id again is no new message. With it a send is repeated when its answer is
   * lost; without it, it then fails with a `ConnectionError` whose `outcome` is `unknown`.
   */
  readonly deduplicationId?: string;
  /** Dropped when nobody received it by then. */
  readonly ttlMs?: number;
}

/** How many messages, how long to wait for them, and how long they are this consumer's. */
export interface ReceiveOptions {
  /** 1 to 1,000. Default 1. */
  readonly max?: number;
  /** How long to wait for a first message. Default 0; at most 30,000. */
  readonly waitMs?: number;
  /** For how long the messages are hidden from others. Default: the queue's. */
  readonly visibilityTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A delivery. */
export type Message<Body> = Readonly<Omit<ReceivedMessage, 'body'>> & { readonly body: Body };
/** What is known of a message that was sent. `deduplicated`: its `deduplicationId` was there already; `id` is that message's. */
export type SentMessage = Exclude<Sent['messages'][number], RefusedItem>;
/** Fields of a queue's configuration. What is not given, or undefined, gets its default. */
export type QueueChanges = {
  readonly [Field in keyof QueueConfiguration]?: QueueConfiguration[Field] | undefined;
};

interface Outgoing {
  readonly text: string;
  readonly repeatable: boolean;
  readonly grouped: boolean;
}

/** One queue. Calls of one turn of the event loop travel in one request and come back one by one. */
export class Queue<Body = unknown> {
  private readonly path: string;
  private readonly sends: Collector<Outgoing, SentMessage>;
  private readonly acks: Collector<string, 'acked' | 'stale'>;
  /** Receives that are under way. */
  private receiving = 0;

  /** @internal */
  constructor(
    private readonly transport: Transport,
    readonly name: string,
  ) {
    this.path = `/v1/queues/${encodeURIComponent(name)}`;
    this.sends = new Collector({
      maxItems: MAX_ITEMS,
      maxBytes: MAX_BATCH_BYTES,
      worthOne: WORTH_ONE,
      // The order of a group holds whatever happens to a request on its way. And what goes to a receiver of ours is
      // handed to it by the step that stores it: then it is also handled and acknowledged together.
      together: (messages) =>
        this.receiving > 0 || !transport.keepsOrder || messages.some(({ grouped }) => grouped),
      run: (messages) => this.post(messages),
    });
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
   * @throws {QueueFullError} `maxLength` or `maxBytes` is reached
   * @throws {PayloadTooLargeError} over 256 KiB
   */
  send(body: Body, options: SendOptions = {}): Promise<SentMessage> {
    const text = JSON.stringify({ body, ...options });
    const repeatable = options.deduplicationId !== undefined;
    const grouped = options.groupId !== undefined;
    return this.sends.add({ text, repeatable, grouped }, Buffer.byteLength(text) + 1);
  }

  /** Receives what is ready, or waits for it. Empty when there was none in time. @throws {NotFoundError} no such queue */
  async receive(options: ReceiveOptions = {}): Promise<Message<Body>[]> {
    const { signal, ...fields } = options;
    this.receiving++;
    try {
      const { messages } = await this.transport.json<{ messages: Message<Body>[] }>({
        method: 'POST',
        path: `${this.path}/receive`,
        body: JSON.stringify(fields),
        // What a lost answer carried is delivered again after its visibility timeout.
        idempotent: true,
        waitMs: options.waitMs ?? 0,
        signal,
      });
      return messages;
    } finally {
      this.receiving--;
    }
  }

  /** Done with a delivery. `stale`: its visibility timeout was over, or it was acknowledged before. */
  ack(receipt: string): Promise<'acked' | 'stale'> {
    return this.acks.add(receipt, receipt.length + 3);
  }

  /** Gives deliveries back, to be delivered again after `delayMs`, or after the queue's back-off. */
  async nack(receipts: readonly string[], delayMs?: number): Promise<Nacked['results']> {
    const body = { receipts, ...(delayMs === undefined ? {} : { delayMs }) };
    return (await this.settle<Nacked>('nack', body)).results;
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
   * back-off what it throws on, and extends the visibility while it runs.
   */
  worker(handler: Handler<Body>, options: WorkerOptions = {}): Worker<Body> {
    return new Worker(this, handler, options);
  }

  /** Makes the queue, or changes its configuration. Fields that are not given get their defaults. */
  configure(changes: QueueChanges = {}): Promise<QueueConfiguration> {
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

  /** From this dead-letter queue back to where the messages came from, or to `to`. Returns how many moved. */
  async redrive(options: { readonly max?: number; readonly to?: string } = {}): Promise<number> {
    return (await this.command<{ moved: number }>('redrive', options)).moved;
  }

  /** Removes the queue and its messages. */
  async delete(): Promise<void> {
    await this.transport.call({ method: 'DELETE', path: this.path, idempotent: false });
  }

  private command<T>(verb: string, body: object = {}): Promise<T> {
    const path = `${this.path}/${verb}`;
    return this.transport.json({ method: 'POST', path, body: JSON.stringify(body), idempotent: false });
  }

  private settle<T>(verb: string, body: object): Promise<T> {
    const path = `${this.path}/${verb}`;
    return this.transport.json({ method: 'POST', path, body: JSON.stringify(body), idempotent: true });
  }

  private async post(messages: readonly Outgoing[]): Promise<(SentMessage | Error)[]> {
    try {
      const { messages: sent } = await this.transport.json<Sent>({
        method: 'POST',
        path: `${this.path}/messages`,
        body: `{"messages":[${messages.map(({ text }) => text).join(',')}]}`,
        idempotent: messages.every(({ repeatable }) => repeatable),
      });
      return sent.map((one) => ('problem' in one ? toError(one.status, one.problem) : one));
    } catch (error) {
      // All or none: a refusal of the whole is not every caller's own. Each is asked for by itself, in order.
      if (!(error instanceof ProblemError) || error.status >= 500 || messages.length === 1) throw error;
      const results: (SentMessage | Error)[] = [];
      for (const message of messages) {
        const [result] = await this.post([message]).catch((own: SynclineError) => [own]);
        results.push(result as SentMessage | Error);
      }
      return results;
    }
  }
}
