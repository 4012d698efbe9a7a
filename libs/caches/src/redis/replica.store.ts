import { Injectable } from '@nestjs/common';
import { RedisInstance } from './redis-instance.js';
import { acknowledge, join, leave, renew } from './scripts/coherence.commands.js';

/** What Redis knows of the near caches of the nodes. */
@Injectable()
export class ReplicaStore {
  readonly join;
  readonly leave;
  readonly renew;
  readonly acknowledge;

  constructor(instance: RedisInstance) {
    this.join = instance.ofAll(join);
    this.leave = instance.ofAll(leave);
    this.renew = instance.ofAll(renew);
    this.acknowledge = instance.ofAll(acknowledge);
  }
}
