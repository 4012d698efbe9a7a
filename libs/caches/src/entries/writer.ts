import { Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { PendingWrites } from '../coherence/pending-writes.js';
import { Replicas } from '../coherence/replicas.js';
import { EntriesStore } from '../redis/entries.store.js';
import { Statistics } from '../statistics/statistics.js';

/** An operation as operations.lua takes it, and the register that it changes. */
export interface Operation {
  readonly register: string;
  readonly arguments: readonly (string | number | Buffer)[];
}

/** Sends writes: done in one round trip when no other near cache holds the register, else after all dropped it. */
@Injectable()
export class Writer {
  constructor(
    private readonly store: EntriesStore,
    private readonly replicas: Replicas,
    private readonly pendingWrites: PendingWrites,
    private readonly statistics: Statistics,
    private readonly membership: Membership,
  ) {}

  /**
   * @param requestId chosen by the caller: the same id again is the same write, for a minute
   * @returns the result, as operations.lua tells it
   * @throws StoreUnavailable when the outcome is unknown
   */
  async write(cache: string, operation: Operation, requestId?: string): Promise<readonly string[]> {
    this.statistics.count(cache, 'writes');
    const result = await this.send(cache, operation, requestId, false);
    if (result !== 'unnamed') return result;
    // The write makes a cache. Its name goes on the list before, so that no cache is ever unlisted, and again after:
    // somebody may have taken it off meanwhile, as that of a cache which does not exist.
    await this.store.addName(cache);
    const made = await this.send(cache, operation, requestId, true);
    await this.store.addName(cache);
    return made === 'unnamed' ? [] : made;
  }

  private send(cache: string, operation: Operation, requestId: string | undefined, named: boolean) {
    const { register } = operation;
    const id = requestId === undefined ? this.pendingWrites.newId() : `${register}:${requestId}`;
    return this.pendingWrites.run({ id, cache, register }, () => {
      // In one turn: what this node holds of the key, or is fetching under numbers up to `lastFill`, is given up, and
      // only that excuses it from acknowledging its own write. Of other registers it drops nothing beforehand.
      const replica = register.startsWith('k') ? this.replicas.replica : null;
      replica?.giveUp(cache, register.slice(1));
      return this.store.prepare(cache, {
        id,
        node: this.membership.nodeId,
        incarnation: replica?.incarnation ?? '',
        lastFill: replica?.lastFill ?? 0,
        remembered: requestId !== undefined,
        named,
        register,
        operation: operation.arguments,
      });
    });
  }
}
