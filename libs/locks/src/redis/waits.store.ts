import { Inject, Injectable } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { REDIS, type RedisClient } from '@syncline/redis';
import { ProcessIdentity } from '@syncline/runtime';
import type { Ticket } from '../waiting/ticket.js';
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
    return scripts.takeUp(this.redis, { ...ticket, processId: this.processId, leaving });
  }

  /** Gives up a request whose client is gone. */
  withdraw(ticket: Ticket): Promise<void> {
    return scripts.withdraw(this.redis, { ...ticket, processId: this.processId });
  }

  findDeadlock(shard: number, id: string) {
    return scripts.findDeadlock(this.redis, { shard, processId: this.processId, id });
  }

  /** Says that this process lives; returns what it has to know (see `beat.lua`). */
  beat(shard: number) {
    return scripts.beat(this.redis, { shard, processId: this.processId });
  }

  /** Wait ids of the requests that Redis has for this process. */
  requestsOfProcess(shard: number): Promise<string[]> {
    return scripts.requestsOfProcess(this.redis, { shard, processId: this.processId });
  }
}
