import { Inject, Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import type { Lease } from '@syncline/contracts';
import { REDIS, type RedisClient, SeenNumbers } from '@syncline/redis';
import { ProcessIdentity } from '@syncline/runtime';
import type { LeaseRequest } from '../lease/lease.js';
import type { Ticket } from '../waiting/ticket.js';
import { HeldReplies } from './held-replies.js';
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
    private readonly tokens: SeenNumbers,
    private readonly held: HeldReplies,
    membership: Membership,
    identity: ProcessIdentity,
  ) {
    this.processId = processIdOf(membership, identity);
    this.operations = new OperationBatcher(redis, this.processId, tokens);
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
    const sent = this.seeing(shard, this.operations.add(shard, acquire(request, claim)));
    return this.held.hold(shard, sent, ({ outcome }) => outcome === 'granted');
  }

  /**
   * @param ttlMs null: as long as before
   * @throws Problem `cross-slot`
   */
  async renew(keys: readonly string[], leaseId: string, ttlMs: number | null): Promise<RenewReply> {
    const shard = this.shards.ofAll(keys);
    const sent = this.seeing(shard, this.operations.add(shard, renew(keys, leaseId, ttlMs)));
    return this.held.hold(shard, sent, ({ outcome }) => outcome === 'renewed');
  }

  /** @throws Problem `cross-slot` */
  async release(
    keys: readonly string[],
    leaseId: string,
    localWaiters: readonly LocalWaiter[] = [],
  ): Promise<ReleaseReply> {
    const shard = this.shards.ofAll(keys);
    const sent = this.operations.add(shard, release(keys, leaseId, localWaiters)).then((reply) => {
      for (const { leases } of reply.served) this.see(shard, leases);
      return reply;
    });
    return this.held.hold(shard, sent);
  }

  /** The tokens of the leases in a reply are seen, whether or not it may be told. */
  private async seeing<Reply extends AcquireReply | RenewReply>(
    shard: number,
    sent: Promise<Reply>,
  ): Promise<Reply> {
    const reply = await sent;
    if ('leases' in reply) this.see(shard, reply.leases);
    return reply;
  }

  private see(shard: number, leases: readonly Lease[]): void {
    for (const { fencingToken } of leases) this.tokens.see(shard, fencingToken);
  }
}
