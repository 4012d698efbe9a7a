import { Injectable } from '@nestjs/common';
import { type Deadlocks, toInstant, type WaitList } from '@syncline/contracts';
import { DeadlocksStore } from '../redis/deadlocks.store.js';

/** Most waits that are listed. */
const MOST_WAITS = 1_000;

/** Who waits for whom, for those who look. */
@Injectable()
export class WaitingService {
  constructor(private readonly store: DeadlocksStore) {}

  async waits(): Promise<WaitList> {
    const waits = await this.store.waits(MOST_WAITS);
    return {
      waits: waits.map(({ owner, name, since, heldBy }) => ({
        owner,
        waitsFor: name,
        heldBy: [...heldBy],
        since: toInstant(since),
      })),
    };
  }

  async deadlocks(): Promise<Deadlocks> {
    const recent = await this.store.recent();
    return {
      deadlocks: recent.map(({ at, cycle }) => ({
        at: toInstant(at),
        cycle,
        victim: cycle[0]?.owner ?? '',
      })),
    };
  }
}
