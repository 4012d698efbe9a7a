import { Injectable } from '@nestjs/common';
import { SeenNumbers } from '@syncline/redis';
import { RedisInstance } from './redis-instance.js';
import { change, force, outcomes, type Prepared, store, type Write } from './scripts/coherence.commands.js';

/** Writes in Redis, and the rounds that they wait for. */
@Injectable()
export class WritesStore {
  private readonly store;
  private readonly change;
  readonly outcomes;
  readonly force;

  constructor(
    instance: RedisInstance,
    private readonly versions: SeenNumbers,
  ) {
    this.store = instance.ofCache(store);
    this.change = instance.ofCache(change);
    this.outcomes = instance.ofCache(outcomes);
    this.force = instance.ofCache(force);
  }

  async prepare(cache: string, write: Write): Promise<Prepared> {
    const prepared = await (write.operation.grows ? this.store(cache, write) : this.change(cache, write));
    if (prepared.state === 'done') this.versions.see(0, prepared.outcome[1]);
    return prepared;
  }
}
