import { Injectable } from '@nestjs/common';
import { Durations, SeenNumbers } from '@syncline/redis';
import { type LeaseRequest, nameOf } from '../lease/lease.js';
import { encodeMetadata, encodeOwner, type LeaseRecord, stateOf } from '../redis/lease-record.js';
import { keysOfWait, leaseOfWait } from '../redis/wait-id.js';
import type { Ticket } from '../waiting/ticket.js';
import type { EndedLease } from './kept.js';
import { ShardMemory } from './shard-memory.js';

/** What this node told its clients, by shard. */
@Injectable()
export class Memory {
  private readonly shards: ShardMemory[] = [];
  /** How long leases were held that were granted and ended through this node. */
  readonly held = new Durations();

  constructor(private readonly tokens: SeenNumbers) {}

  of(shard: number): ShardMemory {
    this.shards[shard] ??= new ShardMemory(this.held);
    return this.shards[shard];
  }

  /** Leases that this node knows of. */
  get leases(): number {
    return this.shards.reduce((sum, shard) => sum + (shard?.size ?? 0), 0);
  }

  /**
   * Leases were granted or renewed.
   *
   * @param waitId of the request that they were granted to, else null
   * @param sentAt when Redis was asked: they end no sooner than their length after that
   */
  granted(shard: number, records: readonly LeaseRecord[], waitId: string | null, sentAt: number): void {
    const memory = this.of(shard);
    for (const { key, leaseId, record, endsAt, limit, sessionId, fencingToken, ttlMs } of records) {
      this.tokens.see(shard, fencingToken);
      memory.keepLease({
        key,
        leaseId,
        record,
        endsAt,
        limit,
        waitId,
        sessionId,
        heldSince: waitId === null ? null : sentAt,
        until: sentAt + ttlMs,
      });
    }
  }

  ended(shard: number, leases: readonly EndedLease[]): void {
    for (const lease of leases) this.of(shard).endLease(lease);
  }

  /** A request waits in the line. */
  queued({ shard, id }: Pick<Ticket, 'shard' | 'id'>, request: LeaseRequest, arrival: string): void {
    this.of(shard).keepPlace({
      waitId: id,
      arrival,
      ttlMs: request.ttlMs,
      sessionId: request.sessionId,
      owner: encodeOwner(request.owner, nameOf(request)),
      metadata: encodeMetadata(request.metadata),
      wanted: request.resources,
      until: performance.now() + request.waitMs,
    });
  }

  /** A request is given up: what it alone was told of goes back. */
  givenUp({ shard, id, claim }: Ticket): void {
    const memory = this.of(shard);
    memory.forgetPlace(id);
    for (const key of keysOfWait(id)) {
      const lease = { key, leaseId: leaseOfWait(id) };
      const record = memory.leaseOf(lease)?.record;
      if (record !== undefined && stateOf(record) === `T:${claim}`) memory.forgetLease(lease);
    }
  }
}
