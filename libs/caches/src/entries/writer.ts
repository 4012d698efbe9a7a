import { Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { PendingWrites } from '../coherence/pending-writes.js';
import { Replicas } from '../coherence/replicas.js';
import { CachesStore } from '../redis/caches.store.js';
import type { Operation } from '../redis/operations.js';
import { WritesStore } from '../redis/writes.store.js';
import { Statistics } from '../statistics/statistics.js';
import { EntryBytes } from './entry-bytes.js';

/** Sends writes: done in one round trip when no other near cache holds the register, else after all dropped it. */
@Injectable()
export class Writer {
  constructor(
    private readonly store: WritesStore,
    private readonly caches: CachesStore,
    private readonly replicas: Replicas,
    private readonly pendingWrites: PendingWrites,
    private readonly statistics: Statistics,
    private readonly membership: Membership,
    private readonly bytes: EntryBytes,
  ) {}

  /**
   * @param requestId chosen by the caller: the same id again is the same write, for a minute
   * @throws StoreUnavailable when the outcome is unknown
   * @throws Problem when the write was refused, as its operation says; `rate-limited` when its tenant has as many bytes as it may
   */
  async write<Result>(cache: string, operation: Operation<Result>, requestId?: string): Promise<Result> {
    let outcome = await this.send(cache, operation, requestId, false);
    if (outcome === null) {
      // The write makes a cache. Its name goes on the list before, so that no cache is ever unlisted, and again after:
      // another node may have taken it off meanwhile, as that of a cache which does not exist.
      await this.caches.names.add(cache);
      outcome = await this.send(cache, operation, requestId, true);
      await this.caches.names.add(cache);
    }
    // Not before: what a cache counts that does not exist is dropped.
    this.statistics.count(cache, 'writes');
    return operation.decode(outcome ?? []);
  }

  private send(
    cache: string,
    operation: Operation<unknown>,
    requestId: string | undefined,
    named: boolean,
  ): Promise<readonly string[] | null> {
    const tenant = this.bytes.boundsOf(cache, operation);
    return tenant === undefined
      ? this.sendNow(cache, operation, requestId, named)
      : this.bytes.within(tenant, operation, (bounded) => this.sendNow(cache, bounded, requestId, named));
  }

  private sendNow(
    cache: string,
    operation: Operation<unknown>,
    requestId: string | undefined,
    named: boolean,
  ): Promise<readonly string[] | null> {
    const { register, key } = operation;
    const id = requestId === undefined ? this.pendingWrites.newId() : `${register}:${requestId}`;
    return this.pendingWrites.run(cache, id, () => {
      // In one turn: this node drops what it holds of the entry and will not keep what it is fetching under numbers up to
      // `lastFill`; only that excuses it from acknowledging its own write. Of other registers it drops nothing beforehand.
      const replica = key === null ? null : this.replicas.of(cache).replica;
      if (key !== null) replica?.drop(cache, key);
      return this.store.prepare(cache, {
        ...{ id, operation, named },
        node: this.membership.nodeId,
        incarnation: replica?.incarnation ?? '',
        lastFill: replica?.lastFill ?? 0,
        remembered: requestId !== undefined,
      });
    });
  }
}
