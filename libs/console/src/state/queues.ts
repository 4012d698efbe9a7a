import type { Queue } from '@syncline/contracts';

/** Dead letters are counted by the queue that they come from. */
export function withoutDeadLetters(queues: readonly Queue[]): readonly Queue[] {
  const deadLetters = new Set(queues.map(({ deadLetterQueue }) => deadLetterQueue));
  return queues.filter(({ name }) => !deadLetters.has(name));
}

/**
 * How many dead letters of a queue there are still. Its own count does not know which of them were removed since; those that
 * lie in their queue may be of several queues.
 */
export function deadOf({ stats, deadLetterQueue }: Queue, queues: readonly Queue[]): number {
  const place = queues.find(({ name }) => name === deadLetterQueue)?.stats;
  return place === undefined
    ? stats.dead
    : Math.min(stats.dead, place.ready + place.delayed + place.inFlight);
}
