import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { logUnlessAway } from '@syncline/redis';
import { Loop, ProcessIdentity } from '@syncline/runtime';
import type { Invalidation } from '../redis/hints.js';
import { RedisInstance } from '../redis/redis-instance.js';
import { ReplicaStore } from '../redis/replica.store.js';
import { WritesStore } from '../redis/writes.store.js';
import { CacheMetrics } from '../statistics/cache-metrics.js';
import { Statistics } from '../statistics/statistics.js';
import { IDLE_MS, LEASE_MS, RENEW_MS, REST_AFTER_MS } from './coherence.rules.js';
import { Replica } from './replica.js';
import { StuckRounds } from './stuck-rounds.js';

const MAX_EVICTED_A_RENEWAL = 500;

/**
 * Keeps the near caches of this node in step with Redis: joins, renews their lease, carries out invalidations and
 * acknowledges them. One lease for all caches: a cache that nobody asks for costs nothing.
 */
@Injectable()
export class ReplicaSync implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ReplicaSync.name);
  private readonly report = logUnlessAway(this.logger);
  private readonly upkeep = new Loop(async () => this.maintain(), RENEW_MS, this.logger);
  private readonly renewals = new Loop(() => this.renew(), Number.POSITIVE_INFINITY, this.logger);
  private readonly stuckRounds = new StuckRounds();
  readonly replica: Replica;
  private incarnations = 0;
  private joining: Promise<void> | null = null;
  private acknowledging = false;
  private stopped = false;

  constructor(
    private readonly store: ReplicaStore,
    private readonly writes: WritesStore,
    private readonly instance: RedisInstance,
    private readonly metrics: CacheMetrics,
    statistics: Statistics,
    private readonly membership: Membership,
    private readonly identity: ProcessIdentity,
  ) {
    this.replica = new Replica((cache, name) => statistics.count(cache, name));
  }

  onApplicationBootstrap(): void {
    this.instance.ended.subscribe(() => this.forget());
    this.upkeep.start();
    this.renewals.start();
  }

  /** Leaves: from here on nobody needs to wait for this node. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.upkeep.stop();
    void this.renewals.stop();
    await this.leave();
  }

  /** The near caches, for a reader; null where there are none. Joins when the node has not, and ends its rest. */
  async joined(): Promise<Replica | null> {
    if (!this.instance.exists) return null;
    const { replica } = this;
    replica.usedAt = performance.now();
    if (replica.incarnation === null && !this.stopped) {
      this.joining ??= this.join().finally(() => {
        this.joining = null;
      });
      await this.joining;
    } else if (!replica.isLeased) {
      void this.renewals.run();
    }
    return replica;
  }

  /** A hint from a writer. It may come late, twice, or never. */
  onInvalidated({ incarnation, number, cache, register }: Invalidation): void {
    const { replica } = this;
    if (incarnation !== replica.incarnation || number <= replica.seen) return;
    if (number > replica.seen + 1) {
      // Something is missing: to acknowledge this one would acknowledge that too.
      this.metrics.gaps.inc();
      void this.renewals.run();
      return;
    }
    replica.invalidate(cache, register);
    replica.seen = number;
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
    this.incarnations += 1;
    const incarnation = `${this.membership.nodeId}#${this.identity.id}.${this.incarnations}`;
    await this.store.join({ incarnation });
    if (this.stopped) return;
    replica.incarnation = incarnation;
    replica.extendLease(sentAt);
  }

  private forget(): void {
    this.replica.reset();
    this.stuckRounds.clear();
  }

  private async leave(): Promise<void> {
    const { incarnation } = this.replica;
    this.forget();
    if (incarnation === null) return;
    // When Redis does not hear of it, writers wait for it once, no longer than a lease.
    await this.store.leave({ incarnation }).catch(this.report);
  }

  /** A node whose near caches nobody asks renews no lease, and leaves in the end. */
  private maintain(): void {
    const { replica } = this;
    const now = performance.now();
    const unusedMs = now - replica.usedAt;
    if (replica.incarnation === null) return;
    if (unusedMs > IDLE_MS) {
      void this.leave();
      return;
    }
    replica.dropUnused(now);
    if (unusedMs <= REST_AFTER_MS) void this.renewals.run();
  }

  private async renew(): Promise<void> {
    const { replica } = this;
    const { incarnation } = replica;
    if (incarnation === null) return;
    const sentAt = performance.now();
    const reply = await this.store.renew({
      incarnation,
      seen: replica.seen,
      stuckAfterMs: LEASE_MS,
      evicted: replica.takeEvicted(MAX_EVICTED_A_RENEWAL),
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
    for (const round of this.stuckRounds.overdue(reply.stuck)) {
      this.metrics.forcedWrites.inc();
      this.writes.force(round.cache, round).catch(this.report);
    }
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
        .acknowledge({ incarnation, seen })
        .then((alive) => {
          if (!alive) this.fence(incarnation);
        })
        // The next renewal acknowledges too.
        .catch(this.report);
    });
  }
}
