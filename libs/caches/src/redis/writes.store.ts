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
import type { Part } from './shards.js';

/** Writes in Redis, and the rounds that they wait for. */
@Injectable()
export class WritesStore {
  private readonly store;
  private readonly change;
  readonly outcomes;
  private readonly forceRound;

  constructor(
    instances: Instances,
    private readonly versions: SeenNumbers,
    private readonly events: EventLog,
  ) {
    this.store = instances.ofPart(store);
    this.change = instances.ofPart(change);
    this.outcomes = instances.ofPart(outcomes);
    this.forceRound = instances.ofPart(force);
  }

  async prepare(part: Part, write: Write): Promise<Prepared> {
    const prepared = await (write.operation.grows ? this.store(part, write) : this.change(part, write));
    if (prepared.state === 'done') this.versions.see(part.shard.index, prepared.outcome[1]);
    return prepared;
  }

  /** Ends a round whose waiting time is over. False: it had ended. */
  async force(part: Part, round: Round): Promise<boolean> {
    const forced = await this.forceRound(part, round);
    if (forced) this.events.append({ type: 'forced', name: part.cache });
    return forced;
  }
}
