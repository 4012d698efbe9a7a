import { Injectable } from '@nestjs/common';
import { EventLog } from '@syncline/cluster';
import { SeenNumbers } from '@syncline/redis';
import { Instances } from './instances.js';
import {
  change,
  force,
  outcomes,
  type Prepared,
  type Round,
  store,
  type Write,
} from './scripts/coherence.commands.js';
import { Shards } from './shards.js';

/** Writes in Redis, and the rounds that they wait for. */
@Injectable()
export class WritesStore {
  private readonly store;
  private readonly change;
  readonly outcomes;
  private readonly forceRound;

  constructor(
    instances: Instances,
    private readonly shards: Shards,
    private readonly versions: SeenNumbers,
    private readonly events: EventLog,
  ) {
    this.store = instances.ofCache(store);
    this.change = instances.ofCache(change);
    this.outcomes = instances.ofCache(outcomes);
    this.forceRound = instances.ofCache(force);
  }

  async prepare(cache: string, write: Write): Promise<Prepared> {
    const prepared = await (write.operation.grows ? this.store(cache, write) : this.change(cache, write));
    if (prepared.state === 'done') this.versions.see(this.shards.of(cache).index, prepared.outcome[1]);
    return prepared;
  }

  /** Ends a round whose waiting time is over. False: it had ended. */
  async force(cache: string, round: Round): Promise<boolean> {
    const forced = await this.forceRound(cache, round);
    if (forced) this.events.append({ type: 'forced', name: cache });
    return forced;
  }
}
