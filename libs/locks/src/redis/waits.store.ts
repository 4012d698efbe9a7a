import { Inject, Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { REDIS, type RedisClient, SeenNumbers } from '@syncline/redis';
import { ProcessIdentity } from '@syncline/runtime';
import type { Ticket } from '../waiting/ticket.js';
import { HeldReplies } from './held-replies.js';
import { processIdOf } from './process-id.js';
import * as scripts from './scripts/waits.js';
import { Shards } from './shards.js';

/** Requests of this process that wait, in Redis. */
@Injectable()
export class WaitsStore {
  readonly processId: string;

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly shardsOfRedis: Shards,
    private readonly tokens: SeenNumbers,
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
    const sent = scripts
      .takeUp(this.redis, { ...this.inShard(ticket.shard), ...ticket, leaving })
      .then((reply) => {
        if (reply.outcome === 'granted') {
          for (const { fencingToken } of reply.leases) this.tokens.see(ticket.shard, fencingToken);
        }
        return reply;
      });
    return this.held.hold(ticket.shard, sent, ({ outcome }) => outcome === 'granted');
  }

  /** Gives up a request whose client is gone. */
  withdraw(ticket: Ticket): Promise<void> {
    return scripts.withdraw(this.redis, { ...this.inShard(ticket.shard), ...ticket });
  }

  /** Says that this process lives; returns what it has to know (see `beat.lua`). */
  async beat(shard: number) {
    const reply = await scripts.beat(this.redis, this.inShard(shard));
    this.tokens.see(shard, reply.token);
    return reply;
  }

  /** Wait ids of the requests that Redis has for this process. */
  requestsOfProcess(shard: number): Promise<string[]> {
    return scripts.requestsOfProcess(this.redis, this.inShard(shard));
  }

  private inShard(shard: number) {
    return { shard, seen: this.tokens.of(shard), processId: this.processId };
  }
}
