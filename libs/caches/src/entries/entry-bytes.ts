import { Injectable } from '@nestjs/common';
import { RecentSums, type Tenant, Tenants } from '@syncline/runtime';
import { CachesStore } from '../redis/caches.store.js';
import type { Operation } from '../redis/operations.js';

/** The bytes of entries that tenants may have. */
@Injectable()
export class EntryBytes {
  private readonly sums: RecentSums;

  constructor(
    private readonly tenants: Tenants,
    store: CachesStore,
  ) {
    this.sums = new RecentSums('entryBytes', ({ realm }) => store.bytesOf(realm));
  }

  /** The tenant that bounds an operation, if one does. */
  boundsOf(cache: string, { growth }: Operation<unknown>): Tenant | undefined {
    const tenant = growth === 0 ? undefined : this.tenants.of(cache);
    return tenant?.quotas.entryBytes === undefined ? undefined : tenant;
  }

  /**
   * Sends an operation with the room that its tenant has: the script knows how much of it is new.
   *
   * @throws Problem `rate-limited` when that is more
   */
  async within<Outcome extends readonly string[] | null>(
    tenant: Tenant,
    operation: Operation<unknown>,
    send: (operation: Operation<unknown>) => Promise<Outcome>,
  ): Promise<Outcome> {
    const sum = await this.sums.of(tenant);
    if (sum === undefined) return send(operation);
    const bounded = { ...operation, args: [...operation.args, sum.room] };
    // What is under way together must fit together.
    sum.add(operation.growth);
    const outcome = await send(bounded);
    const isBeyond = outcome?.[0] === 'quota';
    const added = isBeyond ? 0 : Number(outcome?.[GROWN] ?? 0);
    sum.add(added - operation.growth);
    if (isBeyond) throw tenant.exceeds('entryBytes');
    return outcome;
  }
}

/** Where an outcome tells by how much a cache grew. */
const GROWN = 3;
