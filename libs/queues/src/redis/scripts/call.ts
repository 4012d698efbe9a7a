import type { Durability } from '@syncline/contracts';
import { queueKeys } from '../queue.keys.js';

/** A call that may make something due. */
export interface QueueCall {
  readonly queue: string;
  /** Node that runs the timers of the queue; empty when that is the caller. */
  readonly timersNode: string;
}

export const keys = ({ queue }: { queue: string }) => [queueKeys.queue(queue)];

/** How safe a reply must be before it is told, as it says itself: it says nothing where that is `local`. */
export const levelOf = (word: unknown): Durability =>
  word === undefined ? 'local' : (String(word) as Durability);

/** In how many ms the queue has something to do by itself; null when the timers need not be told. */
export const dueIn = (ms: number): number | null => (ms < 0 ? null : ms);
