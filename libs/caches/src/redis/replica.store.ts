import { Injectable } from '@nestjs/common';
import { SeenNumbers } from '@syncline/redis';
import { Instances } from './instances.js';
import { acknowledge, join, leave, renew } from './scripts/coherence.commands.js';
import type { Shard } from './shards.js';

/** What Redis knows of the near caches of the nodes. */
@Injectable()
export class ReplicaStore {
  readonly join;
  readonly leave;
  private readonly renewIn;
  readonly acknowledge;

  constructor(
    instances: Instances,
    private readonly versions: SeenNumbers,
  ) {
    this.join = instances.ofShard(join);
    this.leave = instances.ofShard(leave);
    this.renewIn = instances.ofShard(renew);
    this.acknowledge = instances.ofShard(acknowledge);
  }

  async renew(shard: Shard, input: Parameters<typeof this.renewIn>[1]) {
    const reply = await this.renewIn(shard, input);
    this.versions.see(shard.index, reply?.version);
    return reply;
  }
}
