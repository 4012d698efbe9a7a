import { Injectable } from '@nestjs/common';
import { SeenNumbers } from '@syncline/redis';
import { RedisInstance } from './redis-instance.js';
import { acknowledge, join, leave, renew } from './scripts/coherence.commands.js';

/** What Redis knows of the near caches of the nodes. */
@Injectable()
export class ReplicaStore {
  readonly join;
  readonly leave;
  private readonly renewIn;
  readonly acknowledge;

  constructor(
    instance: RedisInstance,
    private readonly versions: SeenNumbers,
  ) {
    this.join = instance.ofAll(join);
    this.leave = instance.ofAll(leave);
    this.renewIn = instance.ofAll(renew);
    this.acknowledge = instance.ofAll(acknowledge);
  }

  async renew(input: Parameters<typeof this.renewIn>[0]) {
    const reply = await this.renewIn(input);
    this.versions.see(0, reply?.version);
    return reply;
  }
}
