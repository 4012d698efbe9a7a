import { Problem, ValidationFailed } from '@syncline/contracts';

export class QueueNotFound extends Problem {
  constructor(queue: string) {
    super('not-found', `There is no queue ${queue}. PUT it, or send to it: that makes it with the defaults.`);
  }
}

export class QueueFull extends Problem {
  constructor(queue: string, limit: 'maxLength' | 'maxBytes') {
    super('queue-full', `${queue} has reached its ${limit}. None of the messages was taken.`, { limit });
  }
}

export class MessageTooLarge extends Problem {
  constructor(index: number, limit: number) {
    super('payload-too-large', `The body of messages.${index} is larger than ${limit} bytes.`);
  }
}

/** The message would be removed by the retention before anybody could receive it. */
export class OverBeforeDue extends ValidationFailed {
  constructor(index: number, retentionMs: number) {
    super([
      {
        path: `messages.${index}.delayMs`,
        message: `expected less than the retention of the queue, ${retentionMs} ms`,
      },
    ]);
  }
}

export class OwnDeadLetterQueue extends ValidationFailed {
  constructor() {
    super([{ path: 'deadLetterQueue', message: 'a queue cannot be its own dead-letter queue' }]);
  }
}

export class RedriveToItself extends ValidationFailed {
  constructor() {
    super([{ path: 'to', message: 'expected another queue than the one that is redriven' }]);
  }
}
