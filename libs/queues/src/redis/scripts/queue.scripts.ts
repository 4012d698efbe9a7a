import type { BrowseQuery, QueueStats } from '@syncline/contracts';
import { defineScript } from '@syncline/redis';
import { queueKeys } from '../queue.keys.js';
import { dueIn, keys, type Nodes, type Waiter } from './delivery.scripts.js';

/** Makes a queue, or gives one a new configuration. `done`: false when it was there already, or not there. */
export const configure = defineScript({
  file: new URL('./configure.lua', import.meta.url),
  keys,
  args: (
    input: Nodes & {
      verb: 'make' | 'change';
      secret: string;
      fields: Readonly<Record<string, string | number>>;
    },
  ) => [input.verb, input.secret, input.timersChannel, ...Object.entries(input.fields).flat()],
  decode: (reply) => {
    const [done, due] = reply as [number, number];
    return { done: done === 1, dueInMs: dueIn(due) };
  },
});

/** `configuration`: JSON text. Null: there is no such queue. */
export const describe = defineScript({
  file: new URL('./describe.lua', import.meta.url),
  keys,
  args: (input: Nodes) => [input.wakePrefix],
  decode: (reply): { configuration: string; paused: boolean; stats: QueueStats } | null => {
    if (reply === null) return null;
    const [configuration, paused, ready, delayed, inFlight, dead, bytes, oldestAgeMs, sent, acked, expired] =
      reply as [string, ...number[]];
    const stats = { ready, delayed, inFlight, dead, bytes, oldestAgeMs, sent, acked, expired } as QueueStats;
    return { configuration, paused: paused === 1, stats };
  },
});

/** Does what the queue has to do by itself. Null: there is no such queue, and nothing left of it. */
export const doDueWork = defineScript({
  file: new URL('./do-due-work.lua', import.meta.url),
  keys,
  args: (input: Nodes) => [input.wakePrefix],
  decode: (reply) => {
    if (reply === null) return null;
    const [due, outboxLength] = reply as [number, number];
    return { dueInMs: dueIn(due), outboxLength };
  },
});

/** Takes a parked receiver out. */
export const leaveLine = defineScript({
  file: new URL('./leave-line.lua', import.meta.url),
  keys,
  args: (input: Nodes & { waiterId: string }) => [input.waiterId, input.wakePrefix],
  decode: () => undefined,
});

/** The receivers of a node in the line of one queue. */
export interface ParkedAt {
  readonly queue: string;
  readonly waiters: readonly Waiter[];
}

/** Says that a node's receivers still wait. Returns for each queue how many of them should try now; null: no such queue. */
export const tendLines = defineScript({
  file: new URL('./tend-lines.lua', import.meta.url),
  keys: ({ lines }: { lines: readonly ParkedAt[] }) => lines.map(({ queue }) => queueKeys.queue(queue)),
  args: (input: { nodeId: string; leaseMs: number; lines: readonly ParkedAt[] }) => [
    input.nodeId,
    input.leaseMs,
    ...input.lines.flatMap(({ waiters }) => [
      waiters.length,
      ...waiters.flatMap(({ id, arrival }) => [arrival, id]),
    ]),
  ],
  decode: (reply) => (reply as number[]).map(dueIn),
});

/** Stops or resumes deliveries. False: there is no such queue. */
export const pause = defineScript({
  file: new URL('./pause.lua', import.meta.url),
  keys,
  args: (input: Nodes & { paused: boolean }) => [input.paused ? '1' : '0', input.wakePrefix],
  decode: (reply) => reply === 1,
});

/** Removes all messages. Null: there is no such queue. */
export const purge = defineScript({
  file: new URL('./purge.lua', import.meta.url),
  keys,
  args: (input: Nodes) => [input.timersChannel],
  decode: (reply) => {
    if (reply === null) return null;
    const [purged, due] = reply as [number, number];
    return { purged, dueInMs: dueIn(due) };
  },
});

/** Removes a queue. False: there is no such queue. */
export const remove = defineScript({
  file: new URL('./delete.lua', import.meta.url),
  keys,
  args: (input: Nodes) => [input.wakePrefix],
  decode: (reply) => reply === 1,
});

export interface SeenMessage {
  readonly token: number;
  /** As in {@link DeliveredMessage}. */
  readonly tries: number;
  /** Milliseconds since 1970; null when it is ready. */
  readonly availableAt: number | null;
  readonly record: Buffer;
}

/** Looks at messages. `cursor`: null at the end. Null: there is no such queue. */
export const browse = defineScript({
  file: new URL('./browse.lua', import.meta.url),
  keys,
  args: (input: { queue: string; state: BrowseQuery['state']; cursor: string; limit: number }) => [
    input.state,
    input.cursor,
    input.limit,
  ],
  binary: true,
  decode: (reply) => {
    if (reply === null) return null;
    const [gen, cursor, ...rest] = reply as (Buffer | number)[];
    const messages: SeenMessage[] = [];
    for (let i = 0; i < rest.length; i += 4) {
      messages.push({
        token: rest[i] as number,
        tries: rest[i + 1] as number,
        availableAt: dueIn(rest[i + 2] as number),
        record: rest[i + 3] as Buffer,
      });
    }
    return { gen: String(gen), cursor: String(cursor) || null, messages };
  },
});

/** One step of a redrive. Null: there is no such queue. */
export const redrive = defineScript({
  file: new URL('./redrive.lua', import.meta.url),
  keys,
  args: (
    input: Nodes & { max: number; to: string | undefined; step: string | undefined; rememberMs: number },
  ) => [input.max, input.to ?? '', input.timersChannel, input.step ?? '', input.rememberMs],
  decode: (reply) => {
    if (reply === null) return null;
    const [moved, seen, due, before] = reply as [number, number, number, number];
    return { moved, seen, dueInMs: dueIn(due), wasDone: before === 1 };
  },
});
