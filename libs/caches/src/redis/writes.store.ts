import { Injectable } from '@nestjs/common';
import { SeenNumbers } from '@syncline/redis';
import { Instances } from './instances.js';
import { change, force, outcomes, type Prepared, store, type Write } from './scripts/coherence.commands.js';
import { Shards } from './shards.js';

/** Writes in Redis, and the rounds that they wait for. */
@Injectable()
export class WritesStore {
  private readonly store;
  private readonly change;
  readonly outcomes;
  readonly force;

  constructor(
    instances: Instances,
    private readonly shards: Shards,
    private readonly versions: SeenNumbers,
  ) {
    this.store = instances.ofCache(store);
    this.change = instances.ofCache(change);
    this.outcomes = instances.ofCache(outcomes);
    this.force = instances.ofCache(force);
  }

  async prepare(cache: string, write: Write): Promise<Prepared> {
    const prepared = await (write.operation.grows ? this.store(cache, write) : this.change(cache, write));
    if (prepared.state === 'done') this.versions.see(this.shards.of(cache).index, prepared.outcome[1]);
    return prepared;
  }
}
