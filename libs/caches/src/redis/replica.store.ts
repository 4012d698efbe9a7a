import { Injectable } from '@nestjs/common';
import { RedisLife } from './redis-life.js';
import { acknowledge, join, leave, renew } from './scripts/coherence.scripts.js';

/** What Redis knows of the near caches of the nodes. */
@Injectable()
export class ReplicaStore {
  readonly join;
  readonly leave;
  readonly renew;
  readonly acknowledge;

  constructor(life: RedisLife) {
    this.join = life.ofNode(join);
    this.leave = life.ofNode(leave);
    this.renew = life.ofNode(renew);
    this.acknowledge = life.ofNode(acknowledge);
  }
}
