import { Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { SeenNumbers } from '@syncline/redis';
import { ProcessIdentity } from '@syncline/runtime';
import { Memory } from '../recovery/memory.js';
import type { Ticket } from '../waiting/ticket.js';
import { HeldReplies } from './held-replies.js';
import { processIdOf } from './process-id.js';
import * as scripts from './scripts/waits.js';
import { ShardCalls } from './shard-calls.js';
import { Shards } from './shards.js';

/** Requests of this process that wait, in Redis. */
@Injectable()
export class WaitsStore {
  readonly processId: string;
  /** When the last beat of each shard was sent that found nothing held or awaited, by the monotonic clock, ms. */
  private readonly emptySince = new Map<number, number>();

  constructor(
    private readonly calls: ShardCalls,
    private readonly shardsOfRedis: Shards,
    private readonly tokens: SeenNumbers,
    private readonly memory: Memory,
    private readonly held: HeldReplies,
    membership: Membership,
    identity: ProcessIdentity,
  ) {
    this.processId = processIdOf(membership, identity);
  }

  get shards(): readonly number[] {
    return this.shardsOfRedis.all;
  }

  /** @param id of a wait */
  shardOf(id: string): number {
    return this.shardsOfRedis.ofWait(id);
  }

  /** Takes up what a request was served with. @param leaving whether it leaves the queue when there is nothing yet */
  takeUp(ticket: Ticket, leaving: boolean): Promise<scripts.Outcome> {
    const sentAt = performance.now();
    const input = { ...ticket, processId: this.processId, leaving };
    const sent = this.calls.call(scripts.takeUp, input).then((reply) => {
      if (reply.outcome === 'granted') this.memory.granted(ticket.shard, reply.records, ticket.id, sentAt);
      return reply;
    });
    return this.held.hold(ticket.shard, sent, ({ outcome }) => outcome === 'granted');
  }

  /** Gives up a request whose client is gone. */
  withdraw(ticket: Ticket): Promise<void> {
    this.memory.givenUp(ticket);
    return this.calls.call(scripts.withdraw, { ...ticket, processId: this.processId });
  }

  /** A request of this process waits no more. */
  forget({ shard, id }: Ticket): void {
    this.memory.of(shard).forgetPlace(id);
  }

  /** Says that this process lives; returns what it has to know (see `beat.lua`). */
  async beat(shard: number) {
    const sentAt = performance.now();
    const reply = await this.calls.beat(scripts.beat, { shard, processId: this.processId });
    this.tokens.see(shard, reply.token);
    this.memory.of(shard).tidy();
    this.calls.found(shard, { ...reply, at: performance.now() });
    const { requests, nextEndMs, outcomes } = reply;
    const isEmpty = requests === 0 && nextEndMs === null && outcomes.length === 0;
    this.emptySince.set(shard, isEmpty ? sentAt : Number.NEGATIVE_INFINITY);
    return reply;
  }

  /** Whether nothing was held or awaited in a shard at the last beat, so long ago at most, and this node did not call it since. */
  isEmpty(shard: number, withinMs: number): boolean {
    const since = this.emptySince.get(shard) ?? Number.NEGATIVE_INFINITY;
    return performance.now() - since < withinMs && !this.calls.isCalledSince(shard, since);
  }

  /** Wait ids of the requests that Redis has for this process. */
  requestsOfProcess(shard: number): Promise<string[]> {
    return this.calls.call(scripts.requestsOfProcess, { shard, processId: this.processId });
  }
}
