import { queueKeys } from '../queue.keys.js';
import { decodeTail, type MessageContent } from '../record.js';
import { dueIn, keys, levelOf, type QueueCall } from './call.js';
import { library } from './library.js';

/** Of an instant in ms since 1970 that may never come: null. */
const toScore = (at: number | null) => (at === null ? 'inf' : at);
const fromScore = (score: string) => (score === 'inf' ? null : Number(score));

/** What the caller of a change saw of a schedule. */
export interface Seen {
  /** Changed by all but its occurrences. */
  readonly revision: string;
  /** Milliseconds since 1970; null: it has no next occurrence. */
  readonly nextAt: number | null;
}

export interface StoredSchedule extends Seen {
  readonly name: string;
  /** JSON. */
  readonly rule: string;
  readonly content: MessageContent;
  readonly paused: boolean;
  readonly sent: number;
  /** The latest first. */
  readonly last: readonly { readonly at: number; readonly messageId: string }[];
}

/** A schedule whose next occurrence has come. */
export interface DueSchedule {
  readonly id: string;
  readonly at: number;
  readonly name: string;
  readonly rule: string;
  readonly revision: string;
  readonly sent: number;
}

interface ScheduleCall {
  readonly queue: string;
  readonly id: string;
}

/** Makes a schedule (`seen`: null), or changes one. Null: there is no such queue. */
export const putSchedule = library.command({
  name: 'put-schedule',
  keys,
  args: (
    input: QueueCall & {
      readonly id: string;
      readonly seen: Seen | null;
      readonly nextAt: number | null;
      readonly max: number;
      readonly fields: Readonly<Record<string, string | number | Buffer>>;
    },
  ) => [
    input.id,
    input.seen?.revision ?? '',
    input.seen === null ? '' : toScore(input.seen.nextAt),
    toScore(input.nextAt),
    input.timersNode,
    input.max,
    ...Object.entries(input.fields).flat(),
  ],
  decode: (reply) => {
    if (reply === null) return null;
    const [outcome, due = -1, level] = reply as ['done' | 'full' | 'changed', number?, string?];
    return { outcome, dueInMs: dueIn(due), durability: levelOf(level) };
  },
});

/** Sends occurrences and moves the schedule on to the next one. Null: there is no such queue. */
export const fireSchedule = library.command({
  name: 'fire-schedule',
  keys,
  args: (
    input: QueueCall & {
      readonly due: DueSchedule;
      /** In order. */
      readonly occurrences: readonly { readonly at: number; readonly delayMs: number }[];
      readonly nextAt: number | null;
    },
  ) => [
    input.due.id,
    input.due.revision,
    input.due.at,
    toScore(input.nextAt),
    input.timersNode,
    ...input.occurrences.flatMap(({ at, delayMs }) => [at, delayMs]),
  ],
  decode: (reply) => {
    if (reply === null) return null;
    const [outcome, due = -1] = reply as ['sent' | 'full' | 'moved', number?];
    return { outcome, dueInMs: dueIn(due) };
  },
});

/** Sends a message now. Null: there is no such schedule. */
export const runSchedule = library.command({
  name: 'run-schedule',
  keys,
  args: ({ id, timersNode }: QueueCall & ScheduleCall) => [id, timersNode],
  decode: (reply) => {
    if (reply === null) return null;
    const [first, second, due = -1, level] = reply as [string, number | string, number?, string?];
    const limit = first === 'full' ? (second as 'maxLength' | 'maxBytes') : null;
    return {
      ...{ limit, messageId: first, at: Number(second) },
      ...{ dueInMs: dueIn(due), durability: levelOf(level) },
    };
  },
});

/** Which schedules are due. Null: there is no such queue. */
export const dueSchedules = library.command({
  name: 'due-schedules',
  keys,
  args: (input: { queue: string; max: number }) => [input.max],
  decode: (reply) => {
    if (reply === null) return null;
    const [now, dueIn_, ...due] = reply as [number, number, ...string[][]];
    return {
      now,
      dueInMs: dueIn(dueIn_),
      due: due.map(([id = '', at, name = '', rule = '', revision = '', sent]): DueSchedule => {
        return { id, at: Number(at), name, rule, revision, sent: Number(sent) };
      }),
    };
  },
});

/** Schedules by their ids, null where there is none, and how many the queue has; null: there is no such queue. */
export const showSchedules = library.command({
  name: 'show-schedules',
  keys,
  args: (input: { queue: string; ids: readonly string[] }) => [...input.ids],
  binary: true,
  decode: (reply) => {
    const [now, count, ...shown] = reply as [number, number, ...(Buffer | number | null)[][]];
    const schedules = shown.map((one) => (one.length === 0 ? null : readSchedule(one)));
    return { now, count: count < 0 ? null : count, schedules };
  },
});

function readSchedule([next, name, rule, tail, revision, paused, sent, ...last]: (
  | Buffer
  | number
  | null
)[]): StoredSchedule {
  return {
    name: String(name),
    rule: String(rule),
    content: decodeTail(tail as Buffer),
    revision: String(revision),
    nextAt: fromScore(String(next)),
    paused: String(paused) === '1',
    sent: Number(String(sent)),
    last: Array.from({ length: last.length / 2 }, (_, i) => ({
      at: last[2 * i] as number,
      messageId: String(last[2 * i + 1]),
    })),
  };
}

/** Null: there is no such queue. */
export const removeSchedule = library.command({
  name: 'remove-schedule',
  keys,
  args: ({ id }: ScheduleCall) => [id],
  decode: (reply) => {
    if (reply === null) return null;
    const [removed, level] = reply as [number, string?];
    return { removed: removed === 1, durability: levelOf(level) };
  },
});

/** Gives a name another member when it has `from`; empty: none. Returns the one that it has then. */
export const nameSchedule = library.command({
  name: 'name-schedule',
  keys: () => [queueKeys.schedules()],
  args: (input: { name: string; from: string; to: string }) => [input.name, input.from, input.to],
  decode: (reply) => String(reply),
});
