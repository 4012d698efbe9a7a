import { defineScript } from '@syncline/redis';
import { queueKeys } from '../queue.keys.js';
import { dueIn, keys, type QueueCall } from './call.js';

/** A parked receiver, as it stands in the line of a queue. */
export interface Waiter {
  readonly id: string;
  /** From the first call; empty in it. */
  readonly arrival: string;
}

/** Takes a parked receiver out; one that was woken before passes that on to the next one. */
export const removeWaiter = defineScript({
  file: new URL('./leave-line.lua', import.meta.url),
  keys,
  args: (input: QueueCall & { readonly waiterId: string }) => [input.waiterId, input.wakePrefix],
  decode: () => undefined,
});

/** The receivers of a node in the line of one queue. */
export interface QueueWaiters {
  readonly queue: string;
  readonly waiters: readonly Waiter[];
}

/** Says that a node's receivers still wait. Returns for each queue how many of them should try now; null: no such queue. */
export const renewWaiters = defineScript({
  file: new URL('./tend-lines.lua', import.meta.url),
  keys: ({ lines }: { lines: readonly QueueWaiters[] }) => lines.map(({ queue }) => queueKeys.queue(queue)),
  args: (input: { nodeId: string; leaseMs: number; lines: readonly QueueWaiters[] }) => [
    input.nodeId,
    input.leaseMs,
    ...input.lines.flatMap(({ waiters }) => [
      waiters.length,
      ...waiters.flatMap(({ id, arrival }) => [arrival, id]),
    ]),
  ],
  decode: (reply) => (reply as number[]).map(dueIn),
});
