import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { logUnlessAway, StoreUnavailable } from '@syncline/redis';
import { InFlight, Loop, ParkedRequest, ProcessIdentity } from '@syncline/runtime';
import type { SettledWrite } from '../redis/hints.js';
import { Instances } from '../redis/instances.js';
import type { Prepared, Round } from '../redis/scripts/coherence.commands.js';
import { byPart, type Part } from '../redis/shards.js';
import { WritesStore } from '../redis/writes.store.js';
import { CacheMetrics } from '../statistics/cache-metrics.js';
import { FORCE_AFTER_MS, GIVE_UP_MS, LOOK_UP_MS } from './coherence.rules.js';

const MAX_LOOKED_UP = 1_000;

/** A write whose outcome is awaited. */
interface PendingWrite {
  readonly part: Part;
  readonly id: string;
  /** Settled by its round. */
  readonly request: ParkedRequest<Outcome>;
  readonly outcome: Promise<Outcome | null>;
}
type Outcome = readonly string[];

/** Names hold no space. */
const idOf = (cache: string, id: string) => `${cache} ${id}`;

/** Waits for writes that other nodes must acknowledge first, and ends the wait when one of them is silent. */
@Injectable()
export class PendingWrites implements OnApplicationBootstrap {
  private readonly logger = new Logger(PendingWrites.name);
  private readonly report = logUnlessAway(this.logger);
  /** They go on while the process stops, which waits for the calls that it has begun. */
  private readonly pending = new InFlight<PendingWrite>();
  private readonly lookUps = new Loop(() => this.lookUp(), Number.POSITIVE_INFINITY, this.logger);
  private writes = 0;

  constructor(
    private readonly store: WritesStore,
    private readonly instances: Instances,
    private readonly metrics: CacheMetrics,
    private readonly identity: ProcessIdentity,
  ) {}

  onApplicationBootstrap(): void {
    this.lookUps.start();
    this.instances.ended.subscribe((shard) => {
      for (const { part, request } of this.pending.values()) {
        if (part.shard !== shard) continue;
        request.fail(new StoreUnavailable('Redis lost its data during the write.'));
      }
    });
  }

  newId(): string {
    this.writes += 1;
    return `${this.identity.id}:${this.writes}`;
  }

  /**
   * Sends a write and waits for its outcome.
   *
   * @param id   of the write: while it is under way, the same id is the same write
   * @param send sends it; the outcome may arrive before its reply does
   * @returns null when nothing was done, since the part is not made yet, see {@link Prepared}
   * @throws StoreUnavailable when the outcome is unknown
   */
  run(part: Part, id: string, send: () => Promise<Prepared>): Promise<Outcome | null> {
    const at = idOf(part.cache, id);
    const underWay = this.pending.get(at);
    if (underWay !== undefined) return underWay.outcome;
    const request = new ParkedRequest<Outcome>();
    const outcome = this.outcomeOf(part, id, request, send).finally(() => this.pending.delete(at));
    this.pending.set(at, { part, id, request, outcome });
    return outcome;
  }

  /** A hint from the script that did the write. It may never come. */
  onSettled({ cache, id, outcome }: SettledWrite): void {
    this.pending.get(idOf(cache, id))?.request.end(outcome);
  }

  private async outcomeOf(
    part: Part,
    id: string,
    request: ParkedRequest<Outcome>,
    send: () => Promise<Prepared>,
  ): Promise<Outcome | null> {
    const prepared = await send();
    if (prepared.state === 'unmade') return null;
    if (prepared.state === 'done') return prepared.outcome;
    const forced = setTimeout(() => void this.force(part, id, prepared.round), FORCE_AFTER_MS);
    this.lookUps.within(LOOK_UP_MS);
    try {
      return await request.wait(GIVE_UP_MS, () =>
        request.fail(new StoreUnavailable('The write is not done yet.')),
      );
    } finally {
      clearTimeout(forced);
    }
  }

  private async force(part: Part, id: string, round: Round): Promise<void> {
    try {
      if (await this.store.force(part, round)) this.metrics.forcedWrites.inc();
      await this.lookUpIn(part, [id]);
    } catch (error) {
      this.report(error);
    }
  }

  private async lookUp(): Promise<void> {
    const writes = byPart(this.pending.values().slice(0, MAX_LOOKED_UP));
    if (writes.length > 0) this.lookUps.within(LOOK_UP_MS);
    await Promise.all(
      writes.map(([part, some]) =>
        this.lookUpIn(
          part,
          some.map(({ id }) => id),
        ),
      ),
    );
  }

  private async lookUpIn(part: Part, ids: readonly string[]): Promise<void> {
    const outcomes = await this.store.outcomes(part, { ids });
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.length > 0) this.onSettled({ cache: part.cache, id: ids[i] ?? '', outcome });
    }
  }
}
