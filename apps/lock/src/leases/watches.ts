import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { REDIS, type RedisClient, StoreUnavailable } from '@syncline/redis';
import { resourceKey } from './lease.keys.js';
import { LeasesStore } from './leases.store.js';
import { type LeaseEvent, type Reading, watch } from './scripts/watch.scripts.js';

/** Without hints, events are read this often, in one script for all that is watched here. */
const READ_EVERY_MS = 1_000;

/** Somebody who watches a lock. */
export interface Watcher {
  readonly onEvent: (event: LeaseEvent) => void;
  /** What happened after the last event that the watcher saw is no longer known in full. */
  readonly onGone: (oldest: string) => void;
}

interface Watch extends Watcher {
  readonly key: string;
  readonly shard: number;
  /** Id of the last entry that the watcher was told of. */
  after: string;
}

/** Those who watch locks through this node. */
@Injectable()
export class Watches implements OnModuleDestroy {
  private readonly logger = new Logger(Watches.name);
  private readonly watches = new Map<string, Set<Watch>>();
  private timer: NodeJS.Timeout | undefined;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly store: LeasesStore,
  ) {}

  /**
   * Watches a lock from now on, or from the event `after` on.
   *
   * @returns how to stop
   */
  async watch(name: string, after: string | null, watcher: Watcher): Promise<() => void> {
    const key = resourceKey('lock', name);
    const shard = this.store.shards.of(name);
    const [reading] = await watch(this.redis, { shard, names: [{ key, after }] });
    const entry: Watch = { ...watcher, key, shard, after: after ?? reading?.newest ?? '0-0' };
    if (reading) tell(entry, reading);
    const same = this.watches.get(key) ?? new Set();
    this.watches.set(key, same.add(entry));
    this.timer ??= setInterval(() => this.readAll(), READ_EVERY_MS);
    // What happened while the first reading was on its way.
    this.heed(key);
    return () => {
      same.delete(entry);
      if (same.size === 0) this.watches.delete(key);
      if (this.watches.size === 0) {
        clearInterval(this.timer);
        this.timer = undefined;
      }
    };
  }

  /** Something happened to a name. */
  heed(key: string): void {
    const same = this.watches.get(key);
    if (same) this.read([...same]);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private readAll(): void {
    this.read([...this.watches.values()].flatMap((same) => [...same]));
  }

  /** One reading after the other, so that no event is told twice. */
  private read(watches: readonly Watch[]): void {
    this.reading = this.reading
      .then(() => Promise.all(this.store.shards.all.map((shard) => this.readShard(shard, watches))))
      .then(
        () => {},
        (error: unknown) => {
          if (!(error instanceof StoreUnavailable)) this.logger.error(error);
        },
      );
  }

  private async readShard(shard: number, watches: readonly Watch[]): Promise<void> {
    const here = watches.filter((each) => each.shard === shard);
    if (here.length === 0) return;
    const readings = await watch(this.redis, { shard, names: here });
    here.forEach((each, i) => {
      const reading = readings[i];
      if (reading) tell(each, reading);
    });
  }
}

function tell(watch: Watch, { oldest, readTo, events }: Reading): void {
  if (isBefore(watch.after, oldest)) watch.onGone(oldest);
  for (const event of events) watch.onEvent(event);
  watch.after = readTo;
}

/** Ids are `<ms>-<number>`. */
function isBefore(one: string, other: string): boolean {
  const [ms = 0n, n = 0n] = one.split('-').map(BigInt);
  const [otherMs = 0n, otherN = 0n] = other.split('-').map(BigInt);
  return ms < otherMs || (ms === otherMs && n < otherN);
}
