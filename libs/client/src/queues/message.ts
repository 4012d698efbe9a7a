import type {
  Found,
  QueueConfiguration,
  ReceivedMessage,
  RefusedItem,
  Sent,
  ShownMessage as Shown,
} from '@syncline/contracts';

/** Headers and delivery options of a message. */
export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Deliver the message after this time at the earliest. Default 0. */
  readonly delayMs?: number;
  /** 0 to 9, higher first. Default 0. */
  readonly priority?: number;
  /** Messages of one group are delivered in order, one batch at a time. */
  readonly groupId?: string;
  /**
   * Remembered for the `deduplicationWindowMs` of the queue: a second send with the same id creates no new message. With an id, the client repeats a
   * send whose answer is lost; without one, the send fails with a `ConnectionError` whose `outcome` is `unknown`.
   */
  readonly deduplicationId?: string;
  /** More than a `deduplicationId`. Default of `windowMs`: that of the queue. */
  readonly deduplication?: {
    readonly id: string;
    readonly windowMs?: number;
    /**
     * `last`: while the earlier message waits, it gets this body, and waits for this delay from now on. A debounce. Default
     * `first`: this one is dropped.
     */
    readonly keep?: 'first' | 'last';
    /** `acked`: remembered until the message has ended, however long that takes. Default `sent`: for `windowMs`. */
    readonly until?: 'sent' | 'acked';
  };
  /** The message is dropped when nobody received it within this time. */
  readonly ttlMs?: number;
}

/** A message that is sent with an acknowledgement. */
export interface ChainedMessage extends SendOptions {
  /** Where it goes: the same queue or another one, which is made when there is none. */
  readonly queue: string;
  /** Any JSON value. */
  readonly body: unknown;
}

/** How many messages to receive, how long to wait for them, and how long to hold them. */
export interface ReceiveOptions {
  /** 1 to 1,000. Default 1. */
  readonly max?: number;
  /** How long to wait for the first message. Default 0; at most 30,000. */
  readonly waitMs?: number;
  /** How long the messages are hidden from other receivers. Default: the setting of the queue. */
  readonly visibilityTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A delivery. `queue`: the name of its queue. */
export type Message<Body> = Readonly<Omit<ReceivedMessage, 'body'>> & {
  readonly queue: string;
  readonly body: Body;
};
/**
 * A message as it stands: its `state`, its `attempts` (the latest deliveries that ended, when, how and why), `why` it is not
 * delivered, its `progress` and its `result`. Of a message that has ended only its `state` may be known: then `enqueuedAt` and `body` are null.
 */
export type ShownMessage<Body> = Readonly<Omit<Shown, 'body'>> & { readonly body: Body };
/** A sent message. `deduplicated`: a message with this `deduplicationId` existed, and `id` is the id of that message. */
export type SentMessage = Exclude<Sent['messages'][number], RefusedItem>;
/** Fields of a queue's configuration. Omitted or undefined fields get their defaults. */
export type QueueChanges = {
  readonly [Field in keyof QueueConfiguration]?: QueueConfiguration[Field] | undefined;
};

/** What a message must have: all that is given. */
export interface MessageFilter {
  readonly id?: string;
  readonly groupId?: string;
  /** Headers with these values. */
  readonly header?: Readonly<Record<string, string>>;
  /** A text within the body: in a string as it is, in any other value as JSON. */
  readonly body?: string;
  /** A text within the reason of the latest attempt. */
  readonly reason?: string;
}

/** Some messages: by their ids, or by what they have. */
export type MessageSelection =
  | { readonly ids: readonly string[]; readonly where?: undefined }
  | { readonly where: MessageFilter; readonly ids?: undefined };

/** A page of a search. `examined`: how many messages were looked at. */
export type FoundMessages<Body> = Omit<Found, 'messages'> & {
  readonly messages: readonly (Omit<Found['messages'][number], 'body'> & { readonly body: Body })[];
};

/** How to give a delivery back. */
export interface NackOptions {
  /** Delay of the next delivery. Default: the back-off of the queue after a failure, else 0. */
  readonly delayMs?: number;
  /**
   * `none`: the message was not handled; the delivery counts neither in `receiveCount` nor for `maxReceives`. Default
   * `failure`.
   */
  readonly countsAs?: 'failure' | 'none';
  /** Make the messages dead letters at once. Default false. */
  readonly dead?: boolean;
  /** Why, in a few words; kept with the attempt. At most 256 bytes. */
  readonly reason?: string;
  /** More of it, for example a stack. At most 4 KiB. */
  readonly detail?: string;
}

/** What to say with an extension. */
export interface ExtendOptions {
  /** How far the receiver is: a JSON value of at most 4 KiB, shown with the message. Undefined: as it was. */
  readonly progress?: unknown;
  readonly signal?: AbortSignal | undefined;
}
