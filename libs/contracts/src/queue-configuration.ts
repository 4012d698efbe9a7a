import { hash } from 'node:crypto';
import { type PutQueue, putQueueSchema, type QueueConfiguration } from './queue.js';
import { realmIn } from './realms.js';
import { ValidationFailed } from './validation.js';

const MAX_NAME = 256;
const DEAD_SUFFIX = '.dead';
const HASH_LENGTH = 12;

/** What a queue is configured to when nobody says otherwise. */
export const defaultConfiguration = (queue: string): QueueConfiguration =>
  completeConfiguration(queue, putQueueSchema.parse({}));

/** @throws OwnDeadLetterQueue */
export function completeConfiguration(queue: string, given: PutQueue): QueueConfiguration {
  const { deadLetterQueue = deadLettersOf(queue), ...rest } = given;
  if (deadLetterQueue === queue) throw new OwnDeadLetterQueue();
  return { ...rest, deadLetterQueue };
}

/** A name so long that `.dead` does not fit is cut; a hash of all of it keeps it apart from those that begin alike. */
export function deadLettersOf(queue: string): string {
  const longest = MAX_NAME + realmIn(queue).length;
  if (queue.length + DEAD_SUFFIX.length <= longest) return `${queue}${DEAD_SUFFIX}`;
  const end = `.${hash('sha256', queue, 'hex').slice(0, HASH_LENGTH)}${DEAD_SUFFIX}`;
  return `${queue.slice(0, longest - end.length)}${end}`;
}

export class OwnDeadLetterQueue extends ValidationFailed {
  constructor() {
    super([{ path: 'deadLetterQueue', message: 'a queue cannot be its own dead-letter queue' }]);
  }
}
