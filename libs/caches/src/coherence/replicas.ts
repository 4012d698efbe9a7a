import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { StoreUnavailable } from '@syncline/redis';
import { EntriesStore } from '../redis/entries.store.js';
import { RedisLife } from '../redis/redis-life.js';
import type { Sharers, StuckRound } from '../redis/scripts/coherence.scripts.js';
import { CacheMetrics } from '../statistics/cache-metrics.js';
import { Statistics } from '../statistics/statistics.js';
import { FORCE_AFTER_MS, IDLE_MS, LEASE_MS, RENEW_MS, REST_AFTER_MS } from './coherence.rules.js';
import { Replica } from './replica.js';

const MAX_GIVEN_UP = 500;

/**
 * What this node tells Redis of its near caches, and hears of them: joins, renews its lease, carries out invalidations
 * and acknowledges them. One conversation for all caches: a cache that nobody asks for costs nothing.
 */
@Injectable()
export class Replicas implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Replicas.name);
  readonly replica: Replica;
  private joining: Promise<void> | null = null;
  private renewing = false;
  private renewAgain = false;
  private acknowledging = false;
  /** Rounds that seem to be stuck, since when this node knows, and who had to acknowledge then. */
  private stuck = new Map<string, { readonly since: number; readonly sharers: Sharers }>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly store: EntriesStore,
    private readonly life: RedisLife,
    private readonly metrics: CacheMetrics,
    statistics: Statistics,
    private readonly membership: Membership,
  ) {
    this.replica = new Replica((cache, name) => statistics.count(cache, name));
  }

  onApplicationBootstrap(): void {
    this.life.ended.subscribe(() => this.forget());
    this.timer = setInterval(() => this.tick(), RENEW_MS);
  }

  /** Leaves: from here on nobody needs to wait for this node. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.leave();
  }

  /** The near caches, for a reader; null where there are none. Joins when the node has not, and ends its rest. */
  async joined(): Promise<Replica | null> {
    if (!this.life.exists) return null;
    const { replica } = this;
    replica.usedAt = performance.now();
    if (replica.incarnation === null && !this.stopped) {
      this.joining ??= this.join().finally(() => {
        this.joining = null;
      });
      await this.joining;
    } else if (!replica.isLeased) {
      void this.renew();
    }
    return replica;
  }

  /** A hint from a writer. It may come late, twice, or never. */
  onInvalidated(hint: { to: string; number: number; cache: string; register: string }): void {
    const { replica } = this;
    if (hint.to !== replica.incarnation || hint.number <= replica.seen) return;
    if (hint.number > replica.seen + 1) {
      // Something is missing: to acknowledge this one would acknowledge that too.
      this.metrics.gaps.inc();
      void this.renew();
      return;
    }
    replica.invalidate(hint.cache, hint.register);
    replica.seen = hint.number;
    this.acknowledgeSoon();
  }

  /** Redis does not count this incarnation among the living: what it holds may be out of date. */
  fence(incarnation: string): void {
    if (this.replica.incarnation !== incarnation) return;
    this.metrics.fencings.inc();
    void this.leave();
  }

  private async join(): Promise<void> {
    const { replica } = this;
    const sentAt = performance.now();
    const incarnation = replica.newIncarnation(this.membership.nodeId);
    await this.store.join(incarnation);
    if (this.stopped) return;
    replica.incarnation = incarnation;
    replica.extendLease(sentAt);
  }

  private forget(): void {
    this.replica.reset();
    this.stuck.clear();
  }

  private async leave(): Promise<void> {
    const { incarnation } = this.replica;
    this.forget();
    if (incarnation === null) return;
    // Not told: then writers wait for it once, no longer than a lease.
    await this.store.leave(incarnation).catch((error: unknown) => this.report(error));
  }

  private tick(): void {
    const { replica } = this;
    const now = performance.now();
    const unusedMs = now - replica.usedAt;
    if (replica.incarnation === null) return;
    if (unusedMs > IDLE_MS) {
      void this.leave();
      return;
    }
    replica.dropUnused(now);
    if (unusedMs <= REST_AFTER_MS) void this.renew();
  }

  /** Renewals asked for while one runs become one more. */
  private async renew(): Promise<void> {
    if (this.renewing) {
      this.renewAgain = true;
      return;
    }
    this.renewing = true;
    try {
      do {
        this.renewAgain = false;
        await this.renewOnce();
      } while (this.renewAgain);
    } catch (error) {
      this.report(error);
    } finally {
      this.renewing = false;
    }
  }

  private async renewOnce(): Promise<void> {
    const { replica } = this;
    const { incarnation } = replica;
    if (incarnation === null) return;
    const sentAt = performance.now();
    const reply = await this.store.renew({
      incarnation,
      seen: replica.seen,
      stuckAfterMs: LEASE_MS,
      givenUp: replica.takeGivenUp(MAX_GIVEN_UP),
    });
    if (replica.incarnation !== incarnation) return;
    if (reply === null) {
      this.fence(incarnation);
      return;
    }
    // All that was missed is dropped before the lease is extended: so the renewal is an acknowledgement by itself.
    for (const { cache, register } of reply.missed) replica.invalidate(cache, register);
    const last = reply.first + reply.missed.length - 1;
    if (last > replica.seen) {
      this.metrics.repairs.inc(last - replica.seen);
      replica.seen = last;
      this.acknowledgeSoon();
    }
    replica.extendLease(sentAt);
    this.helpStuck(reply.stuck);
  }

  /** One acknowledgement for all invalidations of a turn. */
  private acknowledgeSoon(): void {
    if (this.acknowledging) return;
    this.acknowledging = true;
    setImmediate(() => {
      this.acknowledging = false;
      const { incarnation, seen } = this.replica;
      if (incarnation === null) return;
      this.store
        .acknowledge(incarnation, seen)
        .then((alive) => {
          if (!alive) this.fence(incarnation);
        })
        // The next renewal acknowledges too.
        .catch((error: unknown) => this.report(error));
    });
  }

  /** Ends rounds whose writers died: whoever sees one for long enough may. */
  private helpStuck(rounds: readonly StuckRound[]): void {
    const now = performance.now();
    const before = this.stuck;
    this.stuck = new Map();
    for (const { cache, ...round } of rounds) {
      const id = `${round.round} ${cache} ${round.register}`;
      const { since, sharers } = before.get(id) ?? { since: now, sharers: round.sharers };
      if (now - since < FORCE_AFTER_MS) {
        this.stuck.set(id, { since, sharers });
        continue;
      }
      this.metrics.forcedWrites.inc();
      this.store.force(cache, { ...round, sharers }).catch((error: unknown) => this.report(error));
    }
  }

  private report(error: unknown): void {
    // The outage has a line of its own.
    if (!(error instanceof StoreUnavailable)) this.logger.error(error);
  }
}
