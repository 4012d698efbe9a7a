import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { StoreUnavailable } from '@syncline/redis';
import { resourceKey } from '../redis/lease.keys.js';
import { LeasesStore } from '../redis/leases.store.js';
import type { LeaseEvent, Reading } from '../redis/scripts/watch.scripts.js';

/** Without hints, events are read this often, in one script for all that is watched here. */
const READ_EVERY_MS = 1_000;
/** What was read longer ago may have missed events. */
const CURRENT_MS = 3_000;

/** Somebody who watches a lock. */
export interface Watcher {
  readonly onEvent: (event: LeaseEvent) => void;
  /** What happened after the last event that the watcher saw is no longer known in full. */
  readonly onGone: (last: string, oldest: string) => void;
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
  /** Monotonic, ms: when events were read last. */
  private readAt = 0;

  constructor(private readonly store: LeasesStore) {}

  /**
   * Watches a lock from now on, or from the event `after` on.
   *
   * @returns the id from which it is watched, and how to stop
   */
  async watch(
    name: string,
    after: string | null,
    watcher: Watcher,
  ): Promise<{ from: string; stop: () => void }> {
    const key = resourceKey('lock', name);
    const shard = this.store.shards.of(name);
    const [reading] = await this.store.readEvents(shard, [{ key, after }]);
    this.readAt = performance.now();
    const from = after ?? reading?.newest ?? '0-0';
    const entry: Watch = { ...watcher, key, shard, after: from };
    if (reading) tell(entry, reading);
    const same = this.watches.get(key) ?? new Set();
    this.watches.set(key, same.add(entry));
    this.timer ??= setInterval(() => this.readAll(), READ_EVERY_MS);
    // What happened while the first reading was on its way.
    this.heed(key);
    const stop = () => {
      same.delete(entry);
      if (same.size === 0) this.watches.delete(key);
      if (this.watches.size === 0) {
        clearInterval(this.timer);
        this.timer = undefined;
      }
    };
    return { from, stop };
  }

  /** False while this node cannot find out what happens. */
  get isCurrent(): boolean {
    return performance.now() - this.readAt < CURRENT_MS;
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
    const readings = await this.store.readEvents(shard, here);
    this.readAt = performance.now();
    here.forEach((each, i) => {
      const reading = readings[i];
      if (reading) tell(each, reading);
    });
  }
}

function tell(watch: Watch, { oldest, readTo, events }: Reading): void {
  if (isBefore(watch.after, oldest)) watch.onGone(watch.after, oldest);
  for (const event of events) watch.onEvent(event);
  watch.after = readTo;
}

/** Ids are `<ms>-<number>`. */
function isBefore(one: string, other: string): boolean {
  const [ms = 0n, n = 0n] = one.split('-').map(BigInt);
  const [otherMs = 0n, otherN = 0n] = other.split('-').map(BigInt);
  return ms < otherMs || (ms === otherMs && n < otherN);
}
