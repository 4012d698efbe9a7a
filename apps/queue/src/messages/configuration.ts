import { type PutQueue, putQueueSchema, type QueueConfiguration } from '@syncline/contracts';

const MAX_NAME = 256;
const DEAD_SUFFIX = '.dead';

/** What a queue is configured to when nobody says otherwise. */
export const defaultConfiguration = (queue: string): QueueConfiguration =>
  completeConfiguration(queue, putQueueSchema.parse({}));

/** The dead letters of a queue with a name so long that `.dead` does not fit go by its shortened name. */
export function completeConfiguration(queue: string, given: PutQueue): QueueConfiguration {
  const { deadLetterQueue = `${queue.slice(0, MAX_NAME - DEAD_SUFFIX.length)}${DEAD_SUFFIX}`, ...rest } =
    given;
  return { ...rest, deadLetterQueue };
}
