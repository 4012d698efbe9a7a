import { Injectable } from '@nestjs/common';
import { RedisLife } from './redis-life.js';
import { change, force, outcomes, type Prepared, store, type Write } from './scripts/coherence.scripts.js';

/** Writes in Redis, and the rounds that they wait for. */
@Injectable()
export class WritesStore {
  private readonly store;
  private readonly change;
  readonly outcomes;
  readonly force;

  constructor(life: RedisLife) {
    this.store = life.ofCache(store);
    this.change = life.ofCache(change);
    this.outcomes = life.ofCache(outcomes);
    this.force = life.ofCache(force);
  }

  prepare(cache: string, write: Write): Promise<Prepared> {
    return write.operation.grows ? this.store(cache, write) : this.change(cache, write);
  }
}
