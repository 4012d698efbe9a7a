import { Injectable } from '@nestjs/common';
import type {
  AcquirePermits,
  Lease,
  ListLocks,
  Release,
  Released,
  Renew,
  Resized,
  Revoked,
  Semaphore,
  SemaphorePage,
} from '@syncline/contracts';
import type { DisconnectSignal } from '@syncline/runtime';
import { LeasesService } from '../lease/leases.service.js';
import { resourceKey, resourceName } from '../lease/resource.js';
import { toLock } from '../locks/lock.js';
import { HeldReplies } from '../redis/held-replies.js';
import { ResourcesStore } from '../redis/resources.store.js';
import type { ResourceState } from '../redis/scripts/resources.js';

/** Semaphores: their permits and their limits. */
@Injectable()
export class SemaphoresService {
  constructor(
    private readonly leases: LeasesService,
    private readonly store: ResourcesStore,
    private readonly held: HeldReplies,
  ) {}

  /** @throws as {@link LeasesService.acquire}; ValidationFailed when `permits` is beyond the limit, or there is none yet */
  async acquire(
    name: string,
    { permits, limit = 0, ...terms }: AcquirePermits,
    disconnect: DisconnectSignal,
  ): Promise<Lease> {
    const resource = { key: resourceKey('semaphore', name), permits, limit };
    const [lease] = await this.leases.acquire([resource], terms, disconnect);
    return lease as Lease;
  }

  /** @throws LeaseLost */
  async renew(name: string, { leaseId, ttlMs }: Renew): Promise<Lease> {
    const [lease] = await this.leases.renew('semaphore', [name], leaseId, ttlMs);
    return lease as Lease;
  }

  /** @throws LeaseLost */
  release(name: string, { leaseId }: Release): Promise<Released> {
    return this.leases.release('semaphore', [name], leaseId);
  }

  async describe(name: string): Promise<Semaphore> {
    return toSemaphore(await this.store.inspect(resourceKey('semaphore', name)));
  }

  async list(query: ListLocks): Promise<SemaphorePage> {
    const { states, last } = await this.store.list('semaphore', query);
    return { semaphores: states.map(toSemaphore), cursor: last === null ? null : resourceName(last) };
  }

  /** Configures the limit. It holds for the next grants, also when more permits are taken just now. */
  async resize(name: string, limit: number): Promise<Resized> {
    return this.held.told(toSemaphore(await this.store.resize(resourceKey('semaphore', name), limit)));
  }

  /** Takes the permits away from their holders and forgets the configured limit; the requests that wait are served. */
  async revoke(name: string, reason: string): Promise<Revoked> {
    return this.held.told({ revoked: await this.store.revoke(resourceKey('semaphore', name), reason) });
  }
}

const toSemaphore = (state: ResourceState): Semaphore => ({
  ...toLock(state),
  limit: state.limit === 0 ? null : state.limit,
  used: state.used,
});
