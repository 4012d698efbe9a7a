import { type Holder, Problem } from '@syncline/contracts';

/** A holder as a refusal shows it. */
export type RefusedBy = Omit<Holder, 'metadata'>;

/** Somebody else holds it, and the caller does not want to wait. */
export class LockHeld extends Problem {
  constructor(holders: readonly RefusedBy[], waiters: number) {
    super('lock-held', 'It is held. Try again later, or give waitMs to wait for it.', { holders, waiters });
  }
}

/** The caller waited as long as it wanted to. It is not in the queue any more. */
export class WaitTimeout extends Problem {
  constructor(waitMs: number) {
    super('wait-timeout', `It was not free within ${waitMs} ms. Nothing was acquired.`);
  }
}

/** One step of a circle of owners that wait for each other. */
export interface CycleStep {
  readonly owner: string;
  /** Name of the lock or semaphore that the owner waits for. */
  readonly waitsFor: string;
  /** Owner that stands in the way: it holds the name, or waits for it longer. */
  readonly heldBy: string;
}

/** The wait would never have ended; this one, the youngest of the circle, was given up. */
export class Deadlock extends Problem {
  constructor(private readonly cycle: readonly CycleStep[]) {
    super('deadlock', 'The owners wait for each other. Release what this owner holds, then try again.', {
      cycle,
    });
  }

  override shownTo(mayKnow: (name: string) => boolean): Problem {
    return new Deadlock(this.cycle.filter(({ waitsFor }) => mayKnow(waitsFor)));
  }
}

/** A lease id is one request: the same id with another owner, mode or number of permits is somebody else's, or a slip. */
export class LeaseMismatch extends Problem {
  constructor() {
    super(
      'lease-mismatch',
      'This leaseId belongs to a request of another owner, mode or number of permits. Choose a new one.',
    );
  }
}

/** The lease, or its session, ended: by release, by time or by force. Its id is spent. */
export class LeaseLost extends Problem {
  constructor(
    detail = 'The lease ended: it was released, its time was over, or it was revoked. Acquire again, with a new leaseId.',
  ) {
    super('lease-lost', detail);
  }
}

/** The semaphore is in use with another limit, or became too small for the request while that waited. */
export class LimitMismatch extends Problem {
  constructor(limit: number) {
    super('limit-mismatch', `The limit of the semaphore is ${limit}. PUT configures another one.`, { limit });
  }
}

/** A full Redis has no memory for another lease or another place in the queue; those that are there go on. */
export class StoreFull extends Problem {
  constructor() {
    super(
      'store-unavailable',
      'Redis is full: it has reached its maxmemory. Nothing was acquired; try again later.',
    );
  }
}
