import { DEFAULT_MESSAGE_BYTES, type Durability, durabilitySchema } from '@syncline/contracts';
import { seqOf } from '../message-id.js';
import { type MessageContent, recordBytes } from '../record.js';
import { dueIn, keys, levelOf, type QueueCall } from './call.js';
import { type Deliveries, delivered } from './deliveries.js';
import { library } from './library.js';
import type { ReceiveOptions } from './receive.js';

export interface NewMessage {
  readonly content: MessageContent;
  readonly delayMs: number;
  /** As scripts/parts/deduplication.lua reads it. Empty: none. */
  readonly deduplication: string;
  /** Whether it replaces an earlier one with its deduplication id that waits. */
  readonly replaces: boolean;
}

/** A receiver that is parked on the node that sends, and whose client is connected at this moment. */
export interface LocalWaiter extends ReceiveOptions {
  readonly id: string;
}

/** What became of one message. `retentionMs`: it was not taken, because that would be over before the message is due. */
export type SentMessage =
  | { readonly id: string; readonly deduplicated: boolean }
  | { readonly retentionMs: number };

/** What a local waiter was handed: it is in flight, and the waiter has left the line. */
export interface Handed {
  /** Index of the local waiter. */
  readonly waiter: number;
  readonly deliveries: Deliveries;
}

export type SendReply =
  | {
      readonly outcome: 'sent';
      /** Null when the timers need not be told. */
      readonly dueInMs: number | null;
      readonly gen: string;
      /** Of the messages; -1 for one that was not taken, or is a duplicate. */
      readonly seqs: { readonly first: number; readonly count: number } | readonly number[];
      readonly messages: readonly SentMessage[];
      /** The level of the queue. */
      readonly durability: Durability;
      readonly handed: readonly Handed[];
    }
  | {
      readonly outcome: 'full';
      readonly dueInMs: null;
      readonly durability: 'local';
      readonly limit: 'maxLength' | 'maxBytes';
      /** Which of the messages would have been taken, were they sent one after the other. */
      readonly fits: readonly number[];
    }
  | {
      /** None was taken, since they were judged by another limit than the queue has. */
      readonly outcome: 'limit';
      readonly dueInMs: null;
      readonly durability: 'local';
      readonly maxMessageBytes: number;
    };

/** What one call sends. */
export interface NewMessages {
  readonly messages: readonly NewMessage[];
  /** Their records without the time, as `encodeTails` gives them. */
  readonly tails: Buffer;
  /** The limit by which they were judged. */
  readonly maxMessageBytes: number;
  /** In the order of their arrival here. */
  readonly localWaiters: readonly LocalWaiter[];
}
const LEVELS: ReadonlySet<unknown> = new Set(durabilitySchema.options);

type HandedReply = [secret: string, sentAt: number, ...(number | string[])[]];

/** Ready at once, to be found in the list of its priority, and not to be remembered. */
export const isPlain = ({ content, delayMs, deduplication }: NewMessage): boolean =>
  delayMs === 0 && deduplication === '' && content.groupId === null && content.ttlMs === null;

/** Null: there is no such queue. */
export const send = library.command({
  name: 'send',
  keys,
  args: ({ timersNode, messages, tails, maxMessageBytes, localWaiters }: QueueCall & NewMessages) => [
    timersNode,
    tails,
    messages.length,
    maxMessageBytes === DEFAULT_MESSAGE_BYTES ? '' : maxMessageBytes,
    localWaiters.length,
    ...localWaiters.flatMap(({ id, max, visibilityTimeoutMs }) => [id, max, visibilityTimeoutMs ?? '']),
    ...(messages.every(isPlain)
      ? []
      : messages.flatMap(({ delayMs, deduplication }) => [delayMs, deduplication])),
  ],
  decode: (reply, { messages: asked }): SendReply | null => {
    if (reply === null) return null;
    const [first, second, handed, ...rest] = reply as [
      string,
      number | string,
      HandedReply,
      ...(number | string)[],
    ];
    if (first === 'limit') {
      const maxMessageBytes = Number(second) || DEFAULT_MESSAGE_BYTES;
      return { outcome: 'limit', dueInMs: null, durability: 'local', maxMessageBytes };
    }
    if (first === 'full') {
      return {
        outcome: 'full',
        dueInMs: null,
        durability: 'local',
        limit: second as 'maxLength' | 'maxBytes',
        fits: handed as unknown as number[],
      };
    }
    const level = LEVELS.has(rest.at(-1)) ? rest.pop() : undefined;
    const [seq] = rest;
    const messages =
      rest.length < asked.length
        ? asked.map((_, i) => ({ id: `${first}-${Number(seq) + i}`, deduplicated: false }))
        : rest.map((one) => decodeSent(first, one));
    return {
      outcome: 'sent',
      dueInMs: dueIn(Number(second)),
      durability: levelOf(level),
      gen: first,
      seqs: rest.length < asked.length ? { first: Number(seq), count: asked.length } : rest.map(takenSeq),
      messages,
      handed: decodeHanded(first, Number(seq), handed, asked),
    };
  },
});

const takenSeq = (one: number | string): number => (typeof one === 'string' || one < 0 ? -1 : one);

function decodeSent(gen: string, one: number | string): SentMessage {
  if (typeof one === 'string') return { id: one, deduplicated: true };
  return one < 0 ? { retentionMs: -one } : { id: `${gen}-${one}`, deduplicated: false };
}

function decodeHanded(
  gen: string,
  firstSeq: number,
  [secret, sentAt, ...portions]: HandedReply,
  asked: readonly NewMessage[],
): Handed[] {
  const handed: Handed[] = [];
  for (let i = 0; i < portions.length; i += 3) {
    const [waiter, visibleUntil, tokens] = portions.slice(i) as [number, number, string[]];
    const messages = tokens.map(Number).map((token) => {
      const { content } = asked[seqOf(token) - firstSeq] as NewMessage;
      return delivered(gen, token, 0, recordBytes(content), sentAt, sentAt, content);
    });
    handed.push({ waiter, deliveries: { secret, visibleUntil, messages } });
  }
  return handed;
}
