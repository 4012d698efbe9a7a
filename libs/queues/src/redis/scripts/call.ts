import { queueKeys } from '../queue.keys.js';

/** A call that may make something due. */
export interface QueueCall {
  readonly queue: string;
  /** Node that runs the timers of the queue; empty when that is the caller. */
  readonly timersNode: string;
}

export const keys = ({ queue }: { queue: string }) => [queueKeys.queue(queue)];

/** In how many ms the queue has something to do by itself; null when the timers need not be told. */
export const dueIn = (ms: number): number | null => (ms < 0 ? null : ms);
