import { Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { ProcessIdentity, type Tenant } from '@syncline/runtime';
import { type LeaseRequest, nameOf } from '../lease/lease.js';
import { Memory } from '../recovery/memory.js';
import type { Ticket } from '../waiting/ticket.js';
import { HeldReplies } from './held-replies.js';
import { LockQuotas } from './lock-quotas.js';
import { OperationBatcher } from './operation-batcher.js';
import { processIdOf } from './process-id.js';
import {
  type AcquireReply,
  acquire,
  type BeyondQuota,
  type LocalWaiter,
  type Operation,
  type ReleaseReply,
  type RenewReply,
  release,
  renew,
} from './scripts/operations.js';
import { ShardCalls } from './shard-calls.js';
import { Shards } from './shards.js';
import { waitId } from './wait-id.js';

/** Leases in Redis. */
@Injectable()
export class LeasesStore {
  private readonly processId: string;
  private readonly operations: OperationBatcher;
  private claims = 0;

  constructor(
    calls: ShardCalls,
    private readonly shards: Shards,
    private readonly memory: Memory,
    private readonly held: HeldReplies,
    private readonly quotas: LockQuotas,
    membership: Membership,
    identity: ProcessIdentity,
  ) {
    this.processId = processIdOf(membership, identity);
    this.operations = new OperationBatcher(calls, this.processId);
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

  /** @throws Problem `rate-limited` when its tenant holds as many names as it may */
  acquire(request: LeaseRequest, ticket: Pick<Ticket, 'shard' | 'id' | 'claim'>): Promise<AcquireReply> {
    const tenant = this.quotas.tenantOf(nameOf(request));
    return tenant === undefined
      ? this.send(request, ticket, acquire(request, ticket.claim))
      : this.acquireWithin(tenant, request, ticket);
  }

  private acquireWithin(
    tenant: Tenant,
    request: LeaseRequest,
    ticket: Pick<Ticket, 'shard' | 'id' | 'claim'>,
  ): Promise<AcquireReply> {
    const sendWithin = async (most: number) => {
      const reply = await this.send(request, ticket, acquire(request, ticket.claim, most));
      if (reply.outcome === 'quota') throw tenant.exceeds('locks');
      return reply;
    };
    const most = this.quotas.mostFor(tenant, ticket.shard);
    return typeof most === 'number' ? sendWithin(most) : most.then(sendWithin);
  }

  private send<Reply extends AcquireReply | BeyondQuota>(
    request: LeaseRequest,
    ticket: Pick<Ticket, 'shard' | 'id' | 'claim'>,
    operation: Operation<Reply>,
  ): Promise<Reply> {
    const { shard, id } = ticket;
    const sentAt = performance.now();
    // What Redis says is remembered, whether or not it may be told.
    const sent = this.operations.add(shard, operation).then((reply) => {
      if (reply.outcome === 'granted') this.memory.granted(shard, reply.records, id, sentAt);
      if (reply.outcome === 'waiting') this.memory.queued(ticket, request, reply.arrival);
      return reply;
    });
    return this.held.hold(shard, sent, ({ outcome }) => outcome === 'granted');
  }

  /**
   * @param ttlMs null: as long as before
   * @throws Problem `cross-slot`
   */
  async renew(keys: readonly string[], leaseId: string, ttlMs: number | null): Promise<RenewReply> {
    const shard = this.shards.ofAll(keys);
    const sentAt = performance.now();
    const sent = this.operations.add(shard, renew(keys, leaseId, ttlMs)).then((reply) => {
      if (reply.outcome === 'renewed') this.memory.granted(shard, reply.records, null, sentAt);
      else for (const key of keys) this.memory.of(shard).forgetLease({ key, leaseId });
      return reply;
    });
    return this.held.hold(shard, sent, ({ outcome }) => outcome === 'renewed');
  }

  /** @throws Problem `cross-slot` */
  async release(
    keys: readonly string[],
    leaseId: string,
    localWaiters: readonly LocalWaiter[] = [],
  ): Promise<ReleaseReply> {
    const shard = this.shards.ofAll(keys);
    const sentAt = performance.now();
    const sent = this.operations.add(shard, release(keys, leaseId, localWaiters)).then((reply) => {
      for (const key of keys) this.memory.of(shard).endLease({ key, leaseId });
      for (const { id, records } of reply.served) this.memory.granted(shard, records, id, sentAt);
      return reply;
    });
    return this.held.hold(shard, sent);
  }
}
