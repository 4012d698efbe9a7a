import type {
  Extended,
  Nacked,
  QueueConfiguration,
  Queue as QueueState,
  ReceivedMessage,
  RefusedItem,
  Sent,
} from '@syncline/contracts';

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

/** How a delivery is given back. */
export interface NackOptions {
  /** When it is delivered again. Default: after the queue's back-off when it failed, else at once. */
  readonly delayMs?: number;
  /**
   * `none`: it was not handled, and counts neither in `receiveCount` nor for the `maxReceives` of the queue. Default
   * `failure`.
   */
  readonly countsAs?: 'failure' | 'none';
}

/** What a worker needs of a queue. */
export interface MessageSource<Body> {
  receiveUntil(
    signal: AbortSignal | undefined,
    options: Omit<ReceiveOptions, 'signal'>,
  ): Promise<Message<Body>[]>;
  ack(receipt: string): Promise<'acked' | 'stale'>;
  nack(receipts: readonly string[], options?: NackOptions): Promise<Nacked['results']>;
  giveBack(receipts: readonly string[]): Promise<void>;
  extend(
    receipts: readonly string[],
    visibilityTimeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Extended['results']>;
  inspect(): Promise<QueueState>;
}
