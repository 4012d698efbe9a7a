import type { DeadLetter } from '@syncline/contracts';
import { queueKeys } from '../queue.keys.js';
import { decodeRecord, encodeTail, type MessageContent, type StoredMessage } from '../record.js';
import { readAttempts } from './attempts.js';
import { dueIn, keys, levelOf, type QueueCall } from './call.js';
import { library } from './library.js';

/** A message on its way to another queue. */
export interface Posted {
  /** Grows with every message that the queue posts. */
  readonly number: string;
  readonly to: string;
  readonly id: string;
  readonly attempts: number;
  /** `send`: a new message. */
  readonly reason: DeadLetter['reason'] | 'redrive' | 'send';
  readonly history: DeadLetter['attempts'];
  /** Milliseconds since 1970. */
  readonly postedAt: number;
  readonly message: StoredMessage;
  /** What is left of the delay of a new message. */
  readonly delayMs: number;
  /** Of a new message: as scripts/parts/deduplication.lua reads it. Empty: none. */
  readonly deduplication: string;
}

/** A message that comes from another queue. */
export interface Adopted {
  readonly number: string;
  /** Without `extra`: a new message. */
  readonly content: MessageContent;
  /** True when it was sent here in the first place. */
  readonly returnsHome: boolean;
  readonly delayMs: number;
  readonly deduplication: string;
}

const outboxKeys = ({ queue }: { queue: string }) => [queueKeys.outbox(queue)];

type PostedReply = [Buffer, Buffer, Buffer, number, Buffer, Buffer, number, Buffer, number, Buffer];

/** The first messages in the outbox of a queue, in order, and how safe they must be elsewhere before they leave here. */
export const peekOutbox = library.command({
  name: 'peek-outbox',
  keys: ({ queue }) => [queueKeys.outbox(queue), queueKeys.queue(queue)],
  args: (input: { queue: string; limit: number }) => [input.limit],
  binary: true,
  decode: (reply) => {
    const [level, posted] = reply as [Buffer, PostedReply[]];
    return { durability: levelOf(level.length === 0 ? undefined : level), posted: posted.map(readPosted) };
  },
});

const readPosted = ([
  number,
  to,
  id,
  attempts,
  reason,
  history,
  postedAt,
  record,
  delayMs,
  deduplication,
]: PostedReply): Posted => ({
  number: String(number),
  to: String(to),
  id: String(id),
  attempts,
  reason: String(reason) as Posted['reason'],
  history: readAttempts(String(history)),
  postedAt,
  message: decodeRecord(record),
  delayMs,
  deduplication: String(deduplication),
});

/** Removes what was taken over, up to a number. */
export const settleOutbox = library.command({
  name: 'settle-outbox',
  keys: outboxKeys,
  args: (input: { queue: string; number: string }) => [input.number],
  decode: () => undefined,
});

/** Takes over messages from another queue. Null: there is no such queue. */
export const adopt = library.command({
  name: 'adopt',
  keys,
  args: (input: QueueCall & { readonly from: string; readonly messages: readonly Adopted[] }) => [
    input.from,
    input.timersNode,
    ...input.messages.flatMap(({ number, content, returnsHome, delayMs, deduplication }) => [
      number,
      encodeTail(content),
      returnsHome ? '1' : '0',
      content.extra?.id ?? '',
      delayMs,
      deduplication,
    ]),
  ],
  decode: (reply) => (reply === null ? null : true),
});

/** Moves dead letters into the outbox: one step of a redrive. Null: there is no such queue. */
export const redrive = library.command({
  name: 'redrive',
  keys,
  args: (
    input: QueueCall & { max: number; to: string | undefined; step: string | undefined; rememberMs: number },
  ) => [input.max, input.to ?? '', input.timersNode, input.step ?? '', input.rememberMs],
  decode: (reply) => {
    if (reply === null) return null;
    const [moved, seen, due, before, level] = reply as [number, number, number, number, string?];
    return { moved, seen, dueInMs: dueIn(due), wasDone: before === 1, durability: levelOf(level) };
  },
});
