import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { logUnlessAway } from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import { CachesStore } from '../redis/caches.store.js';

const NAMES = ['nearHits', 'storeHits', 'misses', 'writes', 'evictions', 'invalidations'] as const;
type Name = (typeof NAMES)[number];
export type Counts = Readonly<Record<Name, number>>;

const SEND_MS = 1_000;
const MAX_CACHES = 10_000;

const none = (): Record<Name, number> => ({
  nearHits: 0,
  storeHits: 0,
  misses: 0,
  writes: 0,
  evictions: 0,
  invalidations: 0,
});

/** Share of reads that found an entry. */
export const hitRatioOf = ({ nearHits, storeHits, misses }: Counts): number =>
  nearHits + storeHits === 0 ? 0 : (nearHits + storeHits) / (nearHits + storeHits + misses);

/** What this node counts of each cache, added to what the cluster counts once a second. */
@Injectable()
export class Statistics implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Statistics.name);
  private readonly caches = new Map<string, Record<Name, number>>();
  private readonly unsent = new Map<string, Record<Name, number>>();
  private readonly sends = new Loop(() => this.sendAll(), SEND_MS, this.logger);

  constructor(private readonly store: CachesStore) {}

  onApplicationBootstrap(): void {
    this.sends.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.sends.stop();
    await this.sendAll();
  }

  count(cache: string, name: Name): void {
    this.countsIn(this.caches, cache)[name] += 1;
    this.countsIn(this.unsent, cache)[name] += 1;
  }

  /** What this node counted of a cache since it started. */
  ofNode(cache: string): Counts {
    return this.caches.get(cache) ?? none();
  }

  /** What the cluster counted of a cache, from its counters in Redis. */
  ofCluster(stored: ReadonlyMap<string, number>): Counts {
    const counts = none();
    for (const name of NAMES) counts[name] = stored.get(name) ?? 0;
    return counts;
  }

  /** Adds what was counted since to the counters in Redis. What cannot be sent is dropped: they are statistics. */
  async send(cache: string): Promise<void> {
    const counts = this.unsent.get(cache);
    if (counts === undefined) return;
    this.unsent.delete(cache);
    const changed = NAMES.filter((name) => counts[name] > 0).map((name) => [name, counts[name]] as const);
    await this.store.addCounts(cache, { counts: changed });
  }

  private async sendAll(): Promise<void> {
    const report = logUnlessAway(this.logger);
    await Promise.all([...this.unsent.keys()].map((cache) => this.send(cache).catch(report)));
  }

  private countsIn(counts: Map<string, Record<Name, number>>, cache: string): Record<Name, number> {
    let own = counts.get(cache);
    if (own === undefined) {
      // The one that was counted first goes: a caller that asks for many names empties no more than its share.
      const [first] = counts.size >= MAX_CACHES ? counts.keys() : [];
      if (first !== undefined) counts.delete(first);
      own = none();
      counts.set(cache, own);
    }
    return own;
  }
}
