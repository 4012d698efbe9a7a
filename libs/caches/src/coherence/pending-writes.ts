import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { logUnlessAway, StoreUnavailable } from '@syncline/redis';
import { InFlight, Loop, ParkedRequest, ProcessIdentity } from '@syncline/runtime';
import type { SettledWrite } from '../redis/hints.js';
import { Instances } from '../redis/instances.js';
import type { Prepared, Round } from '../redis/scripts/coherence.commands.js';
import { Shards } from '../redis/shards.js';
import { WritesStore } from '../redis/writes.store.js';
import { CacheMetrics } from '../statistics/cache-metrics.js';
import { FORCE_AFTER_MS, GIVE_UP_MS, LOOK_UP_MS } from './coherence.rules.js';

const MAX_LOOKED_UP = 1_000;

/** A write whose outcome is awaited. */
interface PendingWrite {
  readonly cache: string;
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
    private readonly shards: Shards,
    private readonly instances: Instances,
    private readonly metrics: CacheMetrics,
    private readonly identity: ProcessIdentity,
  ) {}

  onApplicationBootstrap(): void {
    this.lookUps.start();
    this.instances.ended.subscribe((shard) => {
      for (const { cache, request } of this.pending.values()) {
        if (this.shards.of(cache) !== shard) continue;
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
   * @returns null when nothing was done, since the cache has no name yet, see {@link Prepared}
   * @throws StoreUnavailable when the outcome is unknown
   */
  run(cache: string, id: string, send: () => Promise<Prepared>): Promise<Outcome | null> {
    const at = idOf(cache, id);
    const underWay = this.pending.get(at);
    if (underWay !== undefined) return underWay.outcome;
    const request = new ParkedRequest<Outcome>();
    const outcome = this.outcomeOf(cache, id, request, send).finally(() => this.pending.delete(at));
    this.pending.set(at, { cache, id, request, outcome });
    return outcome;
  }

  /** A hint from the script that did the write. It may never come. */
  onSettled({ cache, id, outcome }: SettledWrite): void {
    this.pending.get(idOf(cache, id))?.request.end(outcome);
  }

  private async outcomeOf(
    cache: string,
    id: string,
    request: ParkedRequest<Outcome>,
    send: () => Promise<Prepared>,
  ): Promise<Outcome | null> {
    const prepared = await send();
    if (prepared.state === 'unnamed') return null;
    if (prepared.state === 'done') return prepared.outcome;
    const forced = setTimeout(() => void this.force(cache, id, prepared.round), FORCE_AFTER_MS);
    this.lookUps.within(LOOK_UP_MS);
    try {
      return await request.wait(GIVE_UP_MS, () =>
        request.fail(new StoreUnavailable('The write is not done yet.')),
      );
    } finally {
      clearTimeout(forced);
    }
  }

  private async force(cache: string, id: string, round: Round): Promise<void> {
    try {
      if (await this.store.force(cache, round)) this.metrics.forcedWrites.inc();
      await this.lookUpIn(cache, [id]);
    } catch (error) {
      this.report(error);
    }
  }

  private async lookUp(): Promise<void> {
    const byCache = new Map<string, string[]>();
    for (const { cache, id } of this.pending.values().slice(0, MAX_LOOKED_UP)) {
      byCache.set(cache, [...(byCache.get(cache) ?? []), id]);
    }
    if (byCache.size > 0) this.lookUps.within(LOOK_UP_MS);
    await Promise.all([...byCache].map(([cache, ids]) => this.lookUpIn(cache, ids)));
  }

  private async lookUpIn(cache: string, ids: readonly string[]): Promise<void> {
    const outcomes = await this.store.outcomes(cache, { ids });
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.length > 0) this.onSettled({ cache, id: ids[i] ?? '', outcome });
    }
  }
}
