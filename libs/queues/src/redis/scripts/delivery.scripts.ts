import { defineScript } from '@syncline/redis';
import { queueKeys } from '../queue.keys.js';
import type { Delivery } from '../receipt.js';
import { decodeRecord, encodeTails, type MessageContent, recordBytes } from '../record.js';
import { seqOf } from '../token.js';

/** What the scripts that change what is ready or due need to know of the nodes. */
export interface Nodes {
  readonly queue: string;
  /** Prefix of the channels on which nodes are woken. */
  readonly wakePrefix: string;
  /** Channel of the node that runs the timers of the queue; empty when that is the caller. */
  readonly timersChannel: string;
}

export interface NewMessage {
  readonly content: MessageContent;
  readonly delayMs: number;
  /** Empty: none. */
  readonly deduplicationHash: string;
}

/** A parked receiver of the node that sends, whose caller is on the line at this moment. */
export interface Vouched {
  readonly id: string;
  readonly max: number;
  /** Undefined for the queue's. */
  readonly visibilityTimeoutMs: number | undefined;
}

/** What became of one message. `retentionMs`: it was not taken, because that would be over before the message is due. */
export type SentOne =
  | { readonly id: string; readonly deduplicated: boolean }
  | { readonly retentionMs: number };

/** `dueInMs`: null when the timers need not be told. */
export type SendReply =
  | {
      readonly outcome: 'sent';
      readonly dueInMs: number | null;
      readonly messages: readonly SentOne[];
      /** What vouched receivers were handed: it is in flight, and they have left the line. */
      readonly handed: readonly Handed[];
    }
  | {
      readonly outcome: 'full';
      readonly limit: 'maxLength' | 'maxBytes';
      /** Which of the messages would have been taken, were they sent one after the other. */
      readonly fits: readonly number[];
    };

export interface Waiter {
  readonly id: string;
  /** From the first call; empty in it. */
  readonly arrival: string;
}

export interface DeliveredMessage {
  readonly token: number;
  /** Of its earlier deliveries, as `tries` in scripts/state.lua. */
  readonly tries: number;
  /** Bytes of the record. */
  readonly size: number;
  readonly enqueuedAt: number;
  readonly content: MessageContent;
}

/** What one receiver got at once. */
export interface Deliveries {
  readonly gen: string;
  readonly secret: string;
  readonly visibleUntil: number;
  readonly messages: readonly DeliveredMessage[];
}

/** `receiver`: index of the vouched one. */
export interface Handed {
  readonly receiver: number;
  readonly deliveries: Deliveries;
}

export interface ReceiveReply extends Deliveries {
  readonly dueInMs: number | null;
  readonly outboxLength: number;
  readonly arrival: string;
}

export const keys = ({ queue }: { queue: string }) => [queueKeys.queue(queue)];
export const dueIn = (ms: number): number | null => (ms < 0 ? null : ms);

type SendInput = Nodes & {
  readonly messages: readonly NewMessage[];
  readonly rememberMs: number;
  /** In the order of their arrival here. */
  readonly vouched: readonly Vouched[];
};
type HandedReply = [secret: string, sentAt: number, ...(number | number[])[]];

/** Ready at once, to be found in the list of its priority, and not to be remembered. */
const isPlain = ({ content, delayMs, deduplicationHash }: NewMessage): boolean =>
  delayMs === 0 && deduplicationHash === '' && content.groupId === null && content.ttlMs === null;

/** Null: there is no such queue. */
export const send = defineScript({
  file: new URL('./send.lua', import.meta.url),
  keys,
  args: ({ wakePrefix, timersChannel, rememberMs, messages, vouched }: SendInput) => [
    wakePrefix,
    timersChannel,
    rememberMs,
    encodeTails(messages.map(({ content }) => content)),
    messages.length,
    vouched.length,
    ...vouched.flatMap(({ id, max, visibilityTimeoutMs }) => [id, max, visibilityTimeoutMs ?? '']),
    ...(messages.every(isPlain)
      ? []
      : messages.flatMap(({ delayMs, deduplicationHash }) => [delayMs, deduplicationHash])),
  ],
  decode: (reply, { messages: asked }): SendReply | null => {
    if (reply === null) return null;
    const [first, second, handed, ...rest] = reply as [
      string,
      number | string,
      HandedReply,
      ...(number | string)[],
    ];
    if (first === 'full') {
      return {
        outcome: 'full',
        limit: second as 'maxLength' | 'maxBytes',
        fits: handed as unknown as number[],
      };
    }
    const [seq] = rest;
    const messages =
      rest.length < asked.length
        ? asked.map((_, i) => ({ id: `${first}-${Number(seq) + i}`, deduplicated: false }))
        : rest.map((one) => decodeOne(first, one));
    return {
      outcome: 'sent',
      dueInMs: dueIn(Number(second)),
      messages,
      handed: decodeHanded(first, Number(seq), handed, asked),
    };
  },
});

function decodeOne(gen: string, one: number | string): SentOne {
  if (typeof one === 'string') return { id: one, deduplicated: true };
  return one < 0 ? { retentionMs: -one } : { id: `${gen}-${one}`, deduplicated: false };
}

function decodeHanded(
  gen: string,
  firstSeq: number,
  [secret, enqueuedAt, ...portions]: HandedReply,
  asked: readonly NewMessage[],
) {
  const handed: Handed[] = [];
  for (let i = 0; i < portions.length; i += 3) {
    const [receiver, visibleUntil, tokens] = portions.slice(i) as [number, number, number[]];
    const messages = tokens.map((token) => {
      const { content } = asked[seqOf(token) - firstSeq] as NewMessage;
      return { token, tries: 0, size: recordBytes(content), enqueuedAt, content };
    });
    handed.push({ receiver, deliveries: { gen, secret, visibleUntil, messages } });
  }
  return handed;
}

const RECEIVE_HEADER = 7;

/** Null: there is no such queue. */
export const receive = defineScript({
  file: new URL('./receive.lua', import.meta.url),
  keys,
  args: (
    input: Nodes & {
      max: number;
      visibilityTimeoutMs: number | undefined;
      waiter: Waiter | null;
      leaseMs: number;
    },
  ) => [
    input.max,
    input.visibilityTimeoutMs ?? '',
    input.waiter?.id ?? '',
    input.waiter?.arrival ?? '',
    input.leaseMs,
    input.wakePrefix,
    input.timersChannel,
  ],
  binary: true,
  decode: (reply): ReceiveReply | null => {
    if (reply === null) return null;
    const values = reply as (Buffer | number)[];
    const messages: DeliveredMessage[] = [];
    for (let i = RECEIVE_HEADER; i < values.length; i += 3) {
      const record = values[i + 2] as Buffer;
      const content = decodeRecord(record);
      messages.push({
        token: values[i] as number,
        tries: values[i + 1] as number,
        size: record.length,
        enqueuedAt: content.enqueuedAt,
        content,
      });
    }
    const [gen, secret, _now, visibleUntil, due, outboxLength, arrival] = values;
    return {
      gen: String(gen),
      secret: String(secret),
      visibleUntil: Number(visibleUntil),
      dueInMs: dueIn(Number(due)),
      outboxLength: Number(outboxLength),
      arrival: String(arrival),
      messages,
    };
  },
});

const toTriples = (deliveries: readonly Delivery[]) =>
  deliveries.flatMap(({ gen, token, delivery }) => [gen, token, delivery]);

/** One mark for each delivery: `1` acked, `0` stale. Null: there is no such queue. */
export const acknowledge = defineScript({
  file: new URL('./acknowledge.lua', import.meta.url),
  keys,
  args: (input: Nodes & { deliveries: readonly Delivery[] }) => [
    input.wakePrefix,
    ...input.deliveries.flatMap(({ gen, token, delivery, size }) => [gen, token, delivery, size]),
  ],
  decode: (reply) => reply as string | null,
});

/** One mark for each delivery: `1` requeued, `2` dead, `3` expired, `0` stale. Null: there is no such queue. */
export const reject = defineScript({
  file: new URL('./reject.lua', import.meta.url),
  keys,
  args: (input: Nodes & { deliveries: readonly Delivery[]; delayMs: number | undefined }) => [
    input.wakePrefix,
    input.timersChannel,
    input.delayMs ?? '',
    ...toTriples(input.deliveries),
  ],
  decode: (reply) => {
    if (reply === null) return null;
    const [marks, due, outboxLength] = reply as [string, number, number];
    return { marks, dueInMs: dueIn(due), outboxLength };
  },
});

/** One mark for each delivery: `1` extended, `0` stale. Null: there is no such queue. */
export const extend = defineScript({
  file: new URL('./extend.lua', import.meta.url),
  keys,
  args: (input: Nodes & { deliveries: readonly Delivery[]; visibilityTimeoutMs: number }) => [
    input.timersChannel,
    input.visibilityTimeoutMs,
    ...toTriples(input.deliveries),
  ],
  decode: (reply) => {
    if (reply === null) return null;
    const [marks, due] = reply as [string, number];
    return { marks, dueInMs: dueIn(due) };
  },
});

/** One mark for each delivery: `1` requeued, `3` expired, `0` stale. Null: there is no such queue. */
export const giveBack = defineScript({
  file: new URL('./give-back.lua', import.meta.url),
  keys,
  args: (input: Nodes & { deliveries: readonly Delivery[]; delayMs: number; told: boolean }) => [
    input.wakePrefix,
    input.timersChannel,
    input.delayMs,
    input.told ? 1 : 0,
    ...toTriples(input.deliveries),
  ],
  decode: (reply) => {
    if (reply === null) return null;
    const [marks, due] = reply as [string, number];
    return { marks, dueInMs: dueIn(due) };
  },
});
