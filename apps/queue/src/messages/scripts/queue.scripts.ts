import type { QueueStats } from '@syncline/contracts';
import { defineScript } from '@syncline/redis';
import { dueIn, keys, type Nodes, type Waiter } from './delivery.scripts.js';

/** Makes a queue, or gives one a new configuration. */
export const configure = defineScript({
  file: new URL('./configure.lua', import.meta.url),
  keys,
  args: (
    input: Nodes & { onlyMake: boolean; secret: string; fields: Readonly<Record<string, string | number>> },
  ) => [
    input.onlyMake ? '1' : '0',
    input.secret,
    input.timersChannel,
    ...Object.entries(input.fields).flat(),
  ],
  decode: (reply) => {
    const [made, due] = reply as [number, number];
    return { made: made === 1, dueInMs: dueIn(due) };
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

/** Says that a node's receivers still wait. Returns how many of them should try now; null: no such queue. */
export const tendLine = defineScript({
  file: new URL('./tend-line.lua', import.meta.url),
  keys,
  args: (input: { queue: string; nodeId: string; leaseMs: number; waiters: readonly Waiter[] }) => [
    input.nodeId,
    input.leaseMs,
    ...input.waiters.flatMap(({ id, arrival }) => [arrival, id]),
  ],
  decode: (reply) => dueIn(reply as number),
});
