import { Injectable } from '@nestjs/common';
import type { Coherence } from '@syncline/contracts';
import { Metrics } from '@syncline/runtime';
import { Counter, Gauge } from 'prom-client';

/** The counters of this node in `/metrics`. Those of a single cache are the concern of its statistics. */
@Injectable()
export class CacheMetrics {
  /** Plain numbers, since a near hit takes less time than a counter with a label: read when the metrics are asked for. */
  readonly reads = { nearHits: 0, storeHits: 0, misses: 0 };
  readonly forcedWrites: Counter;
  readonly fencings: Counter;
  readonly repairs: Counter;
  readonly gaps: Counter;
  readonly invalidations: Counter;
  readonly evictions: Counter;
  readonly uncacheableFills: Counter;
  readonly audits: Counter;
  readonly staleHits: Counter;

  constructor(private readonly metrics: Metrics) {
    const { reads } = this;
    new Counter({
      name: 'cache_reads_total',
      help: 'Reads, by their outcome: nearHits, storeHits or misses',
      labelNames: ['answer'] as const,
      registers: [metrics.registry],
      collect() {
        this.reset();
        for (const [answer, count] of Object.entries(reads)) this.inc({ answer }, count);
      },
    });
    this.forcedWrites = this.counter(
      'cache_forced_writes_total',
      'Writes that waited a lease for a silent node',
    );
    this.fencings = this.counter(
      'cache_fencings_total',
      'Times that this node was taken for dead by a writer',
    );
    this.repairs = this.counter(
      'cache_repairs_total',
      'Invalidations that a renewal brought before their hint came',
    );
    this.gaps = this.counter('cache_gaps_total', 'Hints that showed that one before them was missed');
    this.invalidations = this.counter(
      'cache_invalidations_total',
      'Keys, tags, prefixes and whole caches that this node was told to drop from its near caches',
    );
    this.evictions = this.counter(
      'cache_evictions_total',
      'Entries that a near cache dropped to have room for others',
    );
    this.uncacheableFills = this.counter(
      'cache_uncacheable_fills_total',
      'Reads of Redis that the near cache could not keep because a write was under way',
    );
    this.audits = this.counter('cache_audits_total', 'Near hits that were checked against Redis');
    this.staleHits = this.counter(
      'cache_stale_hits_total',
      'Near hits that an audit proved older than Redis: must stay 0',
    );
  }

  /** What is counted of coherence. */
  async coherence(): Promise<Omit<Coherence, 'nodeId'>> {
    const [invalidations, repairs, forcedWrites, fencings, audits, staleHits] = await Promise.all([
      countOf(this.invalidations),
      countOf(this.repairs),
      countOf(this.forcedWrites),
      countOf(this.fencings),
      countOf(this.audits),
      countOf(this.staleHits),
    ]);
    return { invalidations, repairs, forcedWrites, fencings, audits, staleHits };
  }

  /** @param read bytes and entries of all near caches together */
  showNearCaches(read: () => { readonly bytes: number; readonly entries: number }): void {
    for (const what of ['bytes', 'entries'] as const) {
      new Gauge({
        name: `cache_near_${what}`,
        help: `${what === 'bytes' ? 'Bytes' : 'Entries'} that the near caches of this node hold`,
        registers: [this.metrics.registry],
        collect() {
          this.set(read()[what]);
        },
      });
    }
  }

  private counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.metrics.registry] });
  }
}

const countOf = async (counter: Counter): Promise<number> => (await counter.get()).values[0]?.value ?? 0;
