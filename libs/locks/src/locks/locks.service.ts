import { Injectable } from '@nestjs/common';
import type {
  Acquire,
  AcquireSet,
  BatchOperation,
  Lease,
  LeaseSet,
  ListLocks,
  Lock,
  LockPage,
  Release,
  Released,
  ReleaseSet,
  Renew,
  RenewSet,
  Revoked,
  Verified,
} from '@syncline/contracts';
import type { DisconnectSignal } from '@syncline/runtime';
import { LeasesService } from '../lease/leases.service.js';
import { resourceKey, resourceName } from '../lease/resource.js';
import { HeldReplies } from '../redis/held-replies.js';
import { ResourcesStore } from '../redis/resources.store.js';
import { lockRequest, toLock } from './lock.js';

/** Locks: one, several at once, or many calls in one. */
@Injectable()
export class LocksService {
  constructor(
    private readonly leases: LeasesService,
    private readonly store: ResourcesStore,
    private readonly held: HeldReplies,
  ) {}

  /** @throws as {@link LeasesService.acquire} */
  async acquire(name: string, terms: Acquire, disconnect: DisconnectSignal): Promise<Lease> {
    const [lease] = await this.leases.acquire([lockRequest(name, terms.mode)], terms, disconnect);
    return lease as Lease;
  }

  /** @throws LeaseLost */
  async renew(name: string, { leaseId, ttlMs }: Renew): Promise<Lease> {
    const [lease] = await this.leases.renew('lock', [name], leaseId, ttlMs);
    return lease as Lease;
  }

  /** @throws LeaseLost */
  release(name: string, { leaseId }: Release): Promise<Released> {
    return this.leases.release('lock', [name], leaseId);
  }

  /** All or none. @throws as {@link LeasesService.acquire}; Problem `cross-slot` */
  async acquireSet({ locks, ...terms }: AcquireSet, disconnect: DisconnectSignal): Promise<LeaseSet> {
    const resources = locks.map(({ name, mode }) => lockRequest(name, mode));
    return toSet(await this.leases.acquire(resources, terms, disconnect));
  }

  /** All or none. @throws LeaseLost, Problem `cross-slot` */
  async renewSet({ names, leaseId, ttlMs }: RenewSet): Promise<LeaseSet> {
    return toSet(await this.leases.renew('lock', names, leaseId, ttlMs));
  }

  /** @throws LeaseLost when one of them was lost; the others end all the same. Problem `cross-slot` */
  releaseSet({ names, leaseId }: ReleaseSet): Promise<Released> {
    return this.leases.release('lock', names, leaseId);
  }

  /** One operation of a batch: what its own call does. Those of one turn of the event loop reach Redis in their order, in one round trip. */
  run(operation: BatchOperation, disconnect: DisconnectSignal): Promise<Lease | Released> {
    switch (operation.op) {
      case 'acquire':
        return this.acquire(operation.name, operation, disconnect);
      case 'renew':
        return this.renew(operation.name, operation);
      case 'release':
        return this.release(operation.name, operation);
    }
  }

  /** Says whether no larger token was granted. A token is not valid when the current one is no longer known. */
  async verify(name: string, fencingToken: string): Promise<Verified> {
    const { currentToken } = await this.store.inspect(resourceKey('lock', name));
    return { valid: currentToken !== null && BigInt(fencingToken) >= BigInt(currentToken), currentToken };
  }

  async describe(name: string): Promise<Lock> {
    return toLock(await this.store.inspect(resourceKey('lock', name)));
  }

  async list(query: ListLocks): Promise<LockPage> {
    const { states, last } = await this.store.list('lock', query);
    return { locks: states.map(toLock), cursor: last === null ? null : resourceName(last) };
  }

  /** Takes a lock away from its holders; the requests that wait for it are served. */
  async revoke(name: string, reason: string): Promise<Revoked> {
    return this.held.told({ revoked: await this.store.revoke(resourceKey('lock', name), reason) });
  }
}

function toSet(leases: Lease[]): LeaseSet {
  const [{ leaseId, durability }] = leases as [Lease];
  return { leaseId, leases, durability };
}
