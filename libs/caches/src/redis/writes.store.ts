import { Injectable } from '@nestjs/common';
import { RedisInstance } from './redis-instance.js';
import { change, force, outcomes, type Prepared, store, type Write } from './scripts/coherence.commands.js';

/** Writes in Redis, and the rounds that they wait for. */
@Injectable()
export class WritesStore {
  private readonly store;
  private readonly change;
  readonly outcomes;
  readonly force;

  constructor(instance: RedisInstance) {
    this.store = instance.ofCache(store);
    this.change = instance.ofCache(change);
    this.outcomes = instance.ofCache(outcomes);
    this.force = instance.ofCache(force);
  }

  prepare(cache: string, write: Write): Promise<Prepared> {
    return write.operation.grows ? this.store(cache, write) : this.change(cache, write);
  }
}
