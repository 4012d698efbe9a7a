import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Loop } from '@syncline/runtime';
import { resourceKey } from '../lease/resource.js';
import { EventsStore } from '../redis/events.store.js';
import type { LeaseEvent, Reading } from '../redis/scripts/events.js';

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
  /** Id of the last event that the watcher was told of. */
  after: string;
}

/** The watchers of locks on this node. */
@Injectable()
export class Watches implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly watches = new Map<string, Set<Watch>>();
  /** Keys of resources that something may have happened to. */
  private readonly changed = new Set<string>();
  /** One reading after the other, so that no event is told twice. */
  private readonly reader: Loop;
  private readonly poll: Loop;
  /** Monotonic, ms: when events were read last. */
  private readAt = 0;

  constructor(private readonly store: EventsStore) {
    const logger = new Logger(Watches.name);
    this.reader = new Loop(() => this.readChanged(), Number.POSITIVE_INFINITY, logger);
    this.poll = new Loop(() => this.readAll(), READ_EVERY_MS, logger);
  }

  onApplicationBootstrap(): void {
    this.reader.start();
    this.poll.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.reader.stop(), this.poll.stop()]);
  }

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
    const [reading] = await this.store.read([{ key, after }]);
    this.readAt = performance.now();
    const from = after ?? reading?.newest ?? '0-0';
    const watch: Watch = { ...watcher, key, after: from };
    if (reading) tell(watch, reading);
    const same = this.watches.get(key) ?? new Set();
    this.watches.set(key, same.add(watch));
    // What happened while the first reading was on its way.
    this.onChange(key);
    const stop = () => {
      same.delete(watch);
      if (same.size === 0) this.watches.delete(key);
    };
    return { from, stop };
  }

  /** False while this node cannot find out what happens. */
  get isCurrent(): boolean {
    return performance.now() - this.readAt < CURRENT_MS;
  }

  /** Something happened to a resource. */
  onChange(key: string): void {
    if (!this.watches.has(key)) return;
    this.changed.add(key);
    void this.reader.run();
  }

  private readAll(): Promise<void> {
    for (const key of this.watches.keys()) this.changed.add(key);
    return this.reader.run();
  }

  private async readChanged(): Promise<void> {
    const watches = [...this.changed].flatMap((key) => [...(this.watches.get(key) ?? [])]);
    this.changed.clear();
    if (watches.length === 0) return;
    const readings = await this.store.read(watches);
    this.readAt = performance.now();
    watches.forEach((watch, i) => {
      tell(watch, readings[i] as Reading);
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
