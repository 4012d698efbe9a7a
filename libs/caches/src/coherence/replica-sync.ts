import type { EventLog } from '@syncline/cluster';
import { type ErrorLog, logUnlessAway } from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import type { Invalidation } from '../redis/hints.js';
import type { ReplicaStore } from '../redis/replica.store.js';
import type { Shard } from '../redis/shards.js';
import type { WritesStore } from '../redis/writes.store.js';
import type { CacheMetrics } from '../statistics/cache-metrics.js';
import { IDLE_MS, LEASE_MS, REST_AFTER_MS } from './coherence.rules.js';
import type { Replica } from './replica.js';
import { StuckRounds } from './stuck-rounds.js';

const MAX_EVICTED_A_RENEWAL = 500;

/** What the conversations of all shards use. */
export interface Means {
  readonly store: ReplicaStore;
  readonly writes: WritesStore;
  readonly metrics: CacheMetrics;
  readonly events: EventLog;
  readonly logger: ErrorLog;
  /** A name that no incarnation of any node had before. */
  readonly newIncarnation: () => string;
}

/**
 * Keeps what this node holds of a shard in step with Redis: joins, renews its lease, carries out invalidations and
 * acknowledges them. One lease for all caches of the shard: a cache that nobody asks for costs nothing.
 */
export class ReplicaSync {
  private readonly report;
  private readonly renewals: Loop;
  private readonly stuckRounds = new StuckRounds();
  private joining: Promise<void> | null = null;
  private acknowledging = false;
  private stopped = false;

  constructor(
    private readonly shard: Shard,
    readonly replica: Replica,
    private readonly means: Means,
  ) {
    this.report = logUnlessAway(means.logger);
    this.renewals = new Loop(() => this.renew(), Number.POSITIVE_INFINITY, means.logger);
    this.renewals.start();
  }

  /** Leaves: from here on nobody needs to wait for this node. */
  async stop(): Promise<void> {
    this.stopped = true;
    void this.renewals.stop();
    await this.leave();
  }

  /** What is held, for a reader. Joins when the node has not, and ends its rest. */
  async joined(): Promise<Replica> {
    const { replica } = this;
    replica.lease.usedAt = performance.now();
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
      this.means.metrics.gaps.inc();
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
    this.means.metrics.fencings.inc();
    void this.leave();
  }

  /** The Redis instance of the shard ended: nothing that was promised there counts. */
  forget(): void {
    this.replica.reset();
    this.stuckRounds.clear();
  }

  /** A node whose near caches nobody asks renews no lease, and leaves in the end. */
  maintain(now: number): void {
    const { replica } = this;
    if (replica.incarnation === null) return;
    const unusedMs = now - replica.lease.usedAt;
    if (unusedMs > IDLE_MS) void this.leave();
    else if (unusedMs <= REST_AFTER_MS) void this.renewals.run();
  }

  private async join(): Promise<void> {
    const { replica } = this;
    const sentAt = performance.now();
    const incarnation = this.means.newIncarnation();
    await this.means.store.join(this.shard, { incarnation });
    if (this.stopped) return;
    replica.incarnation = incarnation;
    replica.extendLease(sentAt);
  }

  private async leave(): Promise<void> {
    const { incarnation } = this.replica;
    this.forget();
    if (incarnation === null) return;
    // When Redis does not hear of it, writers wait for it once, no longer than a lease.
    await this.means.store.leave(this.shard, { incarnation }).catch(this.report);
  }

  private async renew(): Promise<void> {
    const { replica, means } = this;
    const { incarnation } = replica;
    if (incarnation === null) return;
    const sentAt = performance.now();
    const reply = await means.store.renew(this.shard, {
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
      const repaired = reply.missed.slice(replica.seen - last);
      means.metrics.repairs.inc(last - replica.seen);
      for (const { cache } of repaired) means.events.append({ type: 'repaired', name: cache });
      replica.seen = last;
      this.acknowledgeSoon();
    }
    replica.extendLease(sentAt);
    for (const round of this.stuckRounds.overdue(reply.stuck)) {
      means.metrics.forcedWrites.inc();
      means.writes.force({ cache: round.cache, shard: this.shard }, round).catch(this.report);
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
      this.means.store
        .acknowledge(this.shard, { incarnation, seen })
        .then((alive) => {
          if (!alive) this.fence(incarnation);
        })
        // The next renewal acknowledges too.
        .catch(this.report);
    });
  }
}
