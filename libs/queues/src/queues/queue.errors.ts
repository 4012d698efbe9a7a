import { Problem, ValidationFailed } from '@syncline/contracts';

export class QueueNotFound extends Problem {
  constructor(queue: string) {
    super('not-found', `There is no queue ${queue}. PUT it, or send to it: that makes it with the defaults.`);
  }
}

export class QueueFull extends Problem {
  /** @param fits indices of the messages that would not be refused for this, were they sent one after the other */
  constructor(queue: string, limit: 'maxLength' | 'maxBytes', fits: readonly number[]) {
    super('queue-full', `${queue} has reached its ${limit}. None of the messages was taken.`, {
      limit,
      fits,
    });
  }
}

export class MessageTooLarge extends Problem {
  constructor(limit: number) {
    super(
      'payload-too-large',
      `The message is larger than ${limit} bytes, its headers and its body together.`,
    );
  }
}

/** The message would be removed by the retention before anybody could receive it. */
export class OverBeforeDue extends ValidationFailed {
  constructor(retentionMs: number) {
    super([{ path: 'delayMs', message: `expected less than the retention of the queue, ${retentionMs} ms` }]);
  }
}

export class NoReceipt extends ValidationFailed {
  constructor() {
    super([{ path: 'receipt', message: 'expected a receipt as receive gave it' }]);
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
