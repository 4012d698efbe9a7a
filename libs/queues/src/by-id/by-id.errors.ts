import { Problem, ValidationFailed } from '@syncline/contracts';

export class MessageNotFound extends Problem {
  constructor(queue: string, id: string) {
    super(
      'not-found',
      `${queue} has no message ${id}: it was never sent there, or nothing is kept of its end.`,
    );
  }
}

export class MessageInFlight extends Problem {
  constructor(id: string) {
    super('in-flight', `${id} is in flight. Wait until it comes back, or cancel it.`);
  }
}

/** The message would be removed before anybody could receive it. */
export class OverBeforeDelay extends ValidationFailed {
  constructor() {
    super([
      { path: 'delayMs', message: 'expected less than what its TTL and the retention of the queue leave' },
    ]);
  }
}
