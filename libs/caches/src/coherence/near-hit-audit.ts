import { Injectable } from '@nestjs/common';
import { EntriesStore } from '../redis/entries.store.js';
import { CacheMetrics } from '../statistics/cache-metrics.js';
import { Replicas } from './replicas.js';

/** At most so often, so that a near hit costs Redis nothing. */
const AUDIT_EVERY_MS = 1_000;

/** Checks some of the near hits against Redis. */
@Injectable()
export class NearHitAudit {
  private auditedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly store: EntriesStore,
    private readonly replicas: Replicas,
    private readonly metrics: CacheMetrics,
  ) {}

  onNearHit(cache: string, key: string, now: number): void {
    if (now - this.auditedAt < AUDIT_EVERY_MS) return;
    this.auditedAt = now;
    // An outage has its own line in the log; an audit that cannot be made proves nothing.
    this.audit(cache, key).catch(() => {});
  }

  /**
   * Asks Redis first and looks into the near cache when the answer is here: what it would serve then, after the
   * answer, must be as new. In this order a mismatch is a proof.
   */
  private async audit(cache: string, key: string): Promise<void> {
    const version = await this.store.versionOf(cache, { key });
    const held = this.replicas.lookUp(cache, key, performance.now());
    if (version === null || held == null) return;
    this.metrics.audits.inc();
    if (BigInt(held.version) < BigInt(version)) this.metrics.staleHits.inc();
  }
}
