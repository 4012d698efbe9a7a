import type { Attempt } from '@syncline/contracts';
import { messageId } from '../message-id.js';
import { decodeRecord, type StoredMessage } from '../record.js';
import { readAttempts } from './attempts.js';
import type { BrowsedMessage, State } from './browse.js';
import { dueIn, keys, levelOf, type QueueCall } from './call.js';
import { failures } from './deliveries.js';
import { library } from './library.js';

/** How a message ended. `gone`: it was removed for its age, or by a purge or redrive. */
export interface End {
  readonly state: 'done' | 'cancelled' | 'dead' | 'gone';
  /** Milliseconds since 1970; missing where only the state is known. */
  readonly at?: number;
  readonly reason?: string;
  /** Whether more of the message is kept. */
  readonly kept?: boolean;
}

/** A message that was looked up, and why it is not delivered. Instants are milliseconds since 1970. */
export interface FoundMessage extends BrowsedMessage {
  readonly state: State;
  /** JSON; empty: none was told. */
  readonly progress: string;
  readonly why: {
    readonly kind: 'paused' | 'delayed' | 'group' | 'rate' | 'inFlightLimit' | 'none';
    readonly until: number | null;
    readonly blockedBy: string | null;
  };
}

/** What is kept of a message that has ended. */
export interface KeptMessage {
  readonly content: StoredMessage;
  readonly attempts: readonly Attempt[];
  /** How many deliveries failed. */
  readonly failures: number;
  /** JSON; empty: none. */
  readonly progress: string;
  readonly result: string;
}

/** It is not here. */
export interface Missing {
  readonly end: End | null;
  readonly kept: KeptMessage | null;
  readonly deadLetterQueue: string;
  readonly outboxLength: number;
}

type ViewReply = [
  state: Buffer,
  until: number,
  kind: Buffer,
  heldUntil: number,
  blockedBy: Buffer,
  gen: Buffer,
  token: number,
  tries: number,
  attempts: Buffer,
  progress: Buffer,
  record: Buffer,
];

type KeptReply = [result: Buffer, progress: Buffer, tries: number, attempts: Buffer, record: Buffer];
type MissingReply = [how: Buffer, deadLetterQueue: Buffer, outboxLength: number, ...kept: [] | KeptReply];

function readView(view: ViewReply): FoundMessage {
  const [state, until, kind, heldUntil, blockedBy, gen, token, tries, attempts, progress, record] = view;
  const content = decodeRecord(record);
  return {
    id: content.extra?.id ?? messageId(String(gen), token),
    state: String(state) as FoundMessage['state'],
    failures: failures(tries),
    inFlight: String(state) === 'inFlight',
    availableAt: dueIn(until),
    attempts: readAttempts(String(attempts)),
    progress: String(progress),
    why: {
      kind: String(kind) as FoundMessage['why']['kind'],
      until: dueIn(heldUntil),
      blockedBy: String(blockedBy) || null,
    },
    content,
  };
}

const readKept = ([result, progress, tries, attempts, record]: KeptReply): KeptMessage => ({
  content: decodeRecord(record),
  attempts: readAttempts(String(attempts)),
  failures: failures(tries),
  progress: String(progress),
  result: String(result),
});

const readEnd = (how: string): End | null => (how === '' ? null : (JSON.parse(how) as End));

/** Looks a message up. Null: there is no such queue. */
export const lookUp = library.command({
  name: 'look-up',
  keys,
  args: (input: { queue: string; id: string }) => [input.id],
  binary: true,
  decode: (reply): FoundMessage | Missing | null => {
    if (reply === null) return null;
    const values = reply as ViewReply | MissingReply;
    if (values.length > 8) return readView(values as ViewReply);
    const [how, deadLetterQueue, outboxLength, ...kept] = values as MissingReply;
    return {
      end: readEnd(String(how)),
      kept: kept.length === 0 ? null : readKept(kept),
      deadLetterQueue: String(deadLetterQueue),
      outboxLength,
    };
  },
});

/** Asks how messages ended; null for one of which no end is known. With a `nodeId`, that node is told of those to come. */
export const watch = library.command({
  name: 'watch',
  keys,
  args: (input: { queue: string; nodeId: string; ids: readonly string[] }) => [input.nodeId, ...input.ids],
  decode: (reply) => (reply === null ? null : (reply as string[]).map(readEnd)),
});

/** `done`: false when it is not here. Null: there is no such queue. */
export const cancel = library.command({
  name: 'cancel',
  keys,
  args: (input: { queue: string; id: string; reason: string | undefined }) => [input.id, input.reason ?? ''],
  decode: (reply) => {
    if (reply === null) return null;
    const [done, due, level] = reply as [number, number, string?];
    return { done: done === 1, dueInMs: dueIn(due), durability: levelOf(level) };
  },
});

/** `refusal`: `inFlight`, `over` when it would be over before it is due, empty when it is not here. Null: there is no such queue. */
export const reschedule = library.command({
  name: 'reschedule',
  keys,
  args: (input: QueueCall & { id: string; delayMs: number | undefined; priority: number | undefined }) => [
    input.id,
    input.delayMs ?? '',
    input.priority ?? '',
    input.timersNode,
  ],
  binary: true,
  decode: (reply) => {
    if (reply === null) return null;
    const [outcome, due, level] = reply as [ViewReply | Buffer, number, Buffer?];
    return {
      outcome: Array.isArray(outcome) ? readView(outcome) : (String(outcome) as 'inFlight' | 'over' | ''),
      dueInMs: dueIn(due),
      durability: levelOf(level),
    };
  },
});

/** Removes messages. Null: there is no such queue. */
export const deleteSome = library.command({
  name: 'delete',
  keys,
  args: (input: { queue: string; ids: readonly string[] }) => [...input.ids],
  decode: (reply) => {
    if (reply === null) return null;
    const [deleted, due, level] = reply as [number, number, string?];
    return { done: deleted, dueInMs: dueIn(due), durability: levelOf(level) };
  },
});

/** Moves dead letters into the outbox. Null: there is no such queue. */
export const redriveSome = library.command({
  name: 'redrive-some',
  keys,
  args: (input: QueueCall & { to: string | undefined; ids: readonly string[] }) => [
    input.to ?? '',
    input.timersNode,
    ...input.ids,
  ],
  decode: (reply) => {
    if (reply === null) return null;
    const [moved, due, level] = reply as [number, number, string?];
    return { done: moved, dueInMs: dueIn(due), durability: levelOf(level) };
  },
});
