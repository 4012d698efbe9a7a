import { Injectable } from '@nestjs/common';
import { RedisLife } from './redis-life.js';
import { endFill, freeLeases, leaseFill, renewFill } from './scripts/fill.scripts.js';

/** Fill leases in Redis. */
@Injectable()
export class FillsStore {
  readonly lease;
  readonly renew;
  readonly end;
  readonly free;

  constructor(life: RedisLife) {
    this.lease = life.ofCache(leaseFill);
    this.renew = life.ofCache(renewFill);
    this.end = life.ofCache(endFill);
    this.free = life.ofCache(freeLeases);
  }
}
