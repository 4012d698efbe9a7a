import { Inject, Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { REDIS, type RedisClient } from '@syncline/redis';
import { ProcessIdentity } from '@syncline/runtime';
import type { LeaseRequest } from '../lease/lease.js';
import type { Ticket } from '../waiting/ticket.js';
import { OperationBatcher } from './operation-batcher.js';
import { processIdOf } from './process-id.js';
import {
  type AcquireReply,
  acquire,
  type LocalWaiter,
  type ReleaseReply,
  type RenewReply,
  release,
  renew,
} from './scripts/operations.js';
import { Shards } from './shards.js';
import { waitId } from './wait-id.js';

/** Leases in Redis. */
@Injectable()
export class LeasesStore {
  private readonly processId: string;
  private readonly operations: OperationBatcher;
  private claims = 0;

  constructor(
    @Inject(REDIS) redis: RedisClient,
    private readonly shards: Shards,
    membership: Membership,
    identity: ProcessIdentity,
  ) {
    this.processId = processIdOf(membership, identity);
    this.operations = new OperationBatcher(redis, this.processId);
  }

  /**
   * A ticket by which a request can wait, another one at each call.
   *
   * @throws Problem `cross-slot`
   */
  ticketFor({ resources, leaseId, leaseIdIsNew }: LeaseRequest): Ticket {
    const keys = resources.map(({ key }) => key);
    this.claims += 1;
    return {
      shard: this.shards.ofAll(keys),
      id: waitId(leaseId, keys),
      claim: `${this.processId}.${this.claims}`,
      mayReturn: !leaseIdIsNew,
    };
  }

  acquire(request: LeaseRequest, { shard, claim }: Pick<Ticket, 'shard' | 'claim'>): Promise<AcquireReply> {
    return this.operations.add(shard, acquire(request, claim));
  }

  /**
   * @param ttlMs null: as long as before
   * @throws Problem `cross-slot`
   */
  async renew(keys: readonly string[], leaseId: string, ttlMs: number | null): Promise<RenewReply> {
    return this.operations.add(this.shards.ofAll(keys), renew(keys, leaseId, ttlMs));
  }

  /** @throws Problem `cross-slot` */
  async release(
    keys: readonly string[],
    leaseId: string,
    localWaiters: readonly LocalWaiter[] = [],
  ): Promise<ReleaseReply> {
    return this.operations.add(this.shards.ofAll(keys), release(keys, leaseId, localWaiters));
  }
}
