import { queueKeys } from '../queue.keys.js';

/** A call that may make messages receivable, or make something due. */
export interface QueueCall {
  readonly queue: string;
  /** Prefix of the channels on which nodes are woken. */
  readonly wakePrefix: string;
  /** Channel of the node that runs the timers of the queue; empty when that is the caller. */
  readonly timersChannel: string;
}

export const keys = ({ queue }: { queue: string }) => [queueKeys.queue(queue)];

/** In how many ms the queue has something to do by itself; null when the timers need not be told. */
export const dueIn = (ms: number): number | null => (ms < 0 ? null : ms);
