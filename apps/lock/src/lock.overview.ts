import { Injectable } from '@nestjs/common';
import { deadlocksSchema, lockPageSchema, waitListSchema } from '@syncline/contracts';
import { type Caller, type Overview } from '@syncline/http';
import { LocksService, WaitingService } from '@syncline/locks';

const MOST_LOCKS = 200;
const MOST_WAITS = 200;

/** What the console shows first of locks. */
@Injectable()
export class LockOverview implements Overview {
  constructor(
    private readonly locks: LocksService,
    private readonly waiting: WaitingService,
  ) {}

  async read(caller: Caller): Promise<object> {
    const query = { prefix: '', limit: MOST_LOCKS, awaited: false };
    const [page, { waits }, { deadlocks }] = await Promise.all([
      caller.page('locks', query, (part) => this.locks.list({ ...query, ...part })),
      this.waiting.waits(),
      this.waiting.deadlocks(),
    ]);
    const mine = waits.filter(({ waitsFor }) => caller.may('read', waitsFor));
    return {
      ...caller.shown(lockPageSchema, page),
      ...caller.shown(waitListSchema, { waits: mine.slice(0, MOST_WAITS) }),
      ...caller.shown(deadlocksSchema, {
        deadlocks: deadlocks.filter(({ cycle }) =>
          cycle.every(({ waitsFor }) => caller.may('read', waitsFor)),
        ),
      }),
    };
  }
}
