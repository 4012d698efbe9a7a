import { queueKeys } from '../queue.keys.js';
import { dueIn, keys } from './call.js';
import { library } from './library.js';

/** A parked receiver, as it stands in the line of a queue. */
export interface Waiter {
  readonly id: string;
  /** From the first call; empty in it. */
  readonly arrival: string;
}

/** Takes a parked receiver out; one that was woken before passes that on to the next one. */
export const removeWaiter = library.command({
  name: 'remove-waiter',
  keys,
  args: (input: { queue: string; waiterId: string }) => [input.waiterId],
  decode: () => undefined,
});

/** The receivers of this node in the line of one queue. */
export interface QueueWaiters {
  readonly queue: string;
  readonly waiters: readonly Waiter[];
}

/** Says which receivers are parked here. Returns for each queue how many of them should try now; null: no such queue. */
export const checkLines = library.command({
  name: 'check-lines',
  keys: ({ lines }: { lines: readonly QueueWaiters[] }) => lines.map(({ queue }) => queueKeys.queue(queue)),
  args: ({ lines }: { lines: readonly QueueWaiters[] }) =>
    lines.flatMap(({ waiters }) => [waiters.length, ...waiters.flatMap(({ id, arrival }) => [arrival, id])]),
  decode: (reply) => (reply as number[]).map(dueIn),
});
