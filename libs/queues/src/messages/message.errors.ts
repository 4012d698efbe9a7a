import { Problem, ValidationFailed } from '@syncline/contracts';

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
      { limit },
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
