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

/** What this node counted of a cache. */
interface Counted {
  readonly cache: string;
  readonly all: Record<Name, number>;
  readonly unsent: Record<Name, number>;
  /** Stands among those that have something to send. */
  isWaiting: boolean;
}

/** What this node counts of each cache, added to what the cluster counts once a second. */
@Injectable()
export class Statistics implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Statistics.name);
  private readonly caches = new Map<string, Counted>();
  private waiting: Counted[] = [];
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
    const counted = this.caches.get(cache) ?? this.open(cache);
    counted.all[name] += 1;
    counted.unsent[name] += 1;
    if (counted.isWaiting) return;
    counted.isWaiting = true;
    this.waiting.push(counted);
  }

  /** What this node counted of a cache since it started. */
  ofNode(cache: string): Counts {
    return this.caches.get(cache)?.all ?? none();
  }

  /** What the cluster counted of a cache, from its counters in Redis. */
  ofCluster(stored: ReadonlyMap<string, number>): Counts {
    const counts = none();
    for (const name of NAMES) counts[name] = stored.get(name) ?? 0;
    return counts;
  }

  /** Adds what was counted since to the counters in Redis. What cannot be sent is dropped: they are statistics. */
  async send(cache: string): Promise<void> {
    const counted = this.caches.get(cache);
    if (counted !== undefined) await this.sendCounts(counted);
  }

  private async sendAll(): Promise<void> {
    const report = logUnlessAway(this.logger);
    const waiting = this.waiting;
    this.waiting = [];
    for (const counted of waiting) counted.isWaiting = false;
    await Promise.all(waiting.map((counted) => this.sendCounts(counted).catch(report)));
  }

  private async sendCounts({ cache, unsent }: Counted): Promise<void> {
    const changed = NAMES.filter((name) => unsent[name] > 0).map((name) => [name, unsent[name]] as const);
    if (changed.length === 0) return;
    Object.assign(unsent, none());
    await this.store.addCounts(cache, changed);
  }

  private open(cache: string): Counted {
    // The one that was counted first goes: a caller that asks for many names empties no more than its share.
    const [first] = this.caches.size >= MAX_CACHES ? this.caches.keys() : [];
    if (first !== undefined) this.caches.delete(first);
    const counted = { cache, all: none(), unsent: none(), isWaiting: false };
    this.caches.set(cache, counted);
    return counted;
  }
}
