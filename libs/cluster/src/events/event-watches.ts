import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Loop } from '@syncline/runtime';

/** Without hints, events are read this often, in one script for all that is watched here. */
const READ_EVERY_MS = 1_000;
/** What was read longer ago may have missed events. */
const CURRENT_MS = 3_000;
/** Where nothing has happened yet. */
const NOTHING = '0-0';

/** A stream of events from the one after `after` on; null: from now on. */
export interface WatchedStream {
  readonly key: string;
  readonly after: string | null;
}

/** What was read of a stream. Ids order its events. */
export interface Reading<Event> {
  /** Oldest event that is kept, and the newest. */
  readonly oldest: string;
  readonly newest: string;
  /** Event up to which was read: when it is not the newest, there is more. */
  readonly readTo: string;
  readonly events: readonly Event[];
}

/** Somebody who watches a stream. */
export interface Watcher<Event> {
  readonly onEvent: (event: Event) => void;
  /** What happened after the last event that the watcher saw is no longer known in full. */
  readonly onGone: (last: string, oldest: string) => void;
}

interface Watch<Event> extends Watcher<Event> {
  readonly key: string;
  /** Id of the last event that the watcher was told of. */
  after: string;
}

/** The watchers of streams of events on this node. */
export class EventWatches<Event> implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly watches = new Map<string, Set<Watch<Event>>>();
  /** Streams that may have more. */
  private readonly changed = new Set<string>();
  /** One reading after the other, so that no event is told twice. */
  private readonly reader: Loop;
  private readonly poll: Loop;
  /** Monotonic, ms: when events were read last. */
  private readAt = 0;

  /** @param read reads streams; one reading for each, in their order */
  constructor(private readonly read: (streams: readonly WatchedStream[]) => Promise<Reading<Event>[]>) {
    const logger = new Logger(EventWatches.name);
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
   * Watches a stream from now on, or from the event `after` on.
   *
   * @returns the id from which it is watched, and how to stop
   */
  async follow(
    key: string,
    after: string | null,
    watcher: Watcher<Event>,
  ): Promise<{ from: string; stop: () => void }> {
    const [reading] = await this.read([{ key, after }]);
    this.readAt = performance.now();
    const from = after ?? reading?.newest ?? NOTHING;
    const watch: Watch<Event> = { ...watcher, key, after: from };
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

  /** A stream may have more. */
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
    const readings = await this.read(watches);
    this.readAt = performance.now();
    watches.forEach((watch, i) => {
      const reading = readings[i] as Reading<Event>;
      tell(watch, reading);
      if (isBefore(watch.after, reading.newest)) this.onChange(watch.key);
    });
  }
}

function tell<Event>(watch: Watch<Event>, { oldest, readTo, events }: Reading<Event>): void {
  if (watch.after !== NOTHING && isBefore(watch.after, oldest)) watch.onGone(watch.after, oldest);
  for (const event of events) watch.onEvent(event);
  watch.after = readTo;
}

/** Ids are `<ms>-<number>`. */
function isBefore(one: string, other: string): boolean {
  const [ms = 0n, n = 0n] = one.split('-').map(BigInt);
  const [otherMs = 0n, otherN = 0n] = other.split('-').map(BigInt);
  return ms < otherMs || (ms === otherMs && n < otherN);
}
