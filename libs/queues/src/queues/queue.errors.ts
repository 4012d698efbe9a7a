import { Problem } from '@syncline/contracts';

export class QueueNotFound extends Problem {
  constructor(queue: string) {
    super('not-found', `There is no queue ${queue}. PUT it, or send to it: that makes it with the defaults.`);
  }
}

/**
 * What Redis answered of a queue, by which null stands for no such queue.
 *
 * @throws QueueNotFound
 */
export function existing<Reply>(queue: string, reply: Reply | null): Reply {
  if (reply === null) throw new QueueNotFound(queue);
  return reply;
}
