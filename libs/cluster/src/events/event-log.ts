import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { EVENT_REASONS, type Event } from '@syncline/contracts';
import { type Happening, logUnlessAway, onHappenings, REDIS, type RedisClient } from '@syncline/redis';
import { Metrics } from '@syncline/runtime';
import { Counter } from 'prom-client';
import { CLUSTER_OPTIONS, type ClusterOptions } from '../cluster.options.js';
import { appendEvents } from '../redis/scripts/events.commands.js';

/** Events wait this long for others, which then are written together. */
const GATHER_MS = 100;
/** Most events of a type that a node tells in a second: what comes in floods is told as a number. */
const MOST_A_SECOND = 100;
/** While Redis is slow, so many wait for it. */
const MOST_PENDING = 2_000;
const MOST_AT_ONCE = 100;

/** An event, before it has a time and a node. */
export type Noticed = {
  readonly type: Event['type'];
  readonly count?: number;
  readonly reason?: string;
} & Readonly<Record<string, unknown>>;

/**
 * Writes down what happened to the names of a role: what scripts tell with their replies, and what this node notices. It holds no call
 * up and fails none: what Redis does not take is dropped and counted.
 */
@Injectable()
export class EventLog implements BeforeApplicationShutdown {
  private readonly report = logUnlessAway(new Logger(EventLog.name));
  private readonly dropped: Counter;
  private pending: string[] = [];
  private gathering: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private readonly counted: Counter<'type' | 'reason'>;
  private second = 0;
  private told = new Map<string, number>();
  /** Since the last second, by type. */
  private omitted = new Map<string, number>();

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    @Inject(CLUSTER_OPTIONS) private readonly options: ClusterOptions,
    { registry }: Metrics,
  ) {
    this.dropped = new Counter({
      name: 'events_dropped_total',
      help: 'Events that Redis did not take',
      registers: [registry],
    });
    this.counted = new Counter({
      name: 'events_total',
      help: 'What happened that GET /v1/events tells of, those too that are omitted there: leases lost (by reason), deadlocks, dead messages ...',
      labelNames: ['type', 'reason'],
      registers: [registry],
    });
    // From 0 on: Prometheus does not see how a series came to its first value.
    for (const [type, reasons] of EVENT_REASONS)
      for (const reason of reasons) this.counted.inc({ type, reason }, 0);
    onHappenings(redis, (happenings) => {
      for (const happening of happenings) this.append(happening as Happening & Noticed);
    });
  }

  /** Tells of something that happened. */
  append(noticed: Noticed): void {
    const { type, reason = '', count = 1 } = noticed;
    this.counted.inc({ type, reason }, count);
    if (this.mayTell(noticed)) this.push(noticed);
  }

  /** The last ones, such as that this node left. */
  async beforeApplicationShutdown(): Promise<void> {
    this.flush();
    await this.writing;
  }

  private push({ type, name = null, count = 1, ...facts }: Noticed): void {
    if (this.pending.length >= MOST_PENDING) {
      this.dropped.inc();
      return;
    }
    const { nodeId } = this.options;
    this.pending.push(JSON.stringify({ type, nodeId, name, count, ...facts }));
    this.gathering ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  private mayTell({ type, count = 1 }: Noticed): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.second) {
      this.second = second;
      this.told = new Map();
      this.tellOmitted();
    }
    const told = (this.told.get(type) ?? 0) + 1;
    this.told.set(type, told);
    if (told <= MOST_A_SECOND) return true;
    if (this.omitted.size === 0) setTimeout(() => this.tellOmitted(), 1_000).unref();
    this.omitted.set(type, (this.omitted.get(type) ?? 0) + count);
    return false;
  }

  private tellOmitted(): void {
    const { omitted } = this;
    this.omitted = new Map();
    for (const [of, count] of omitted) this.push({ type: 'omitted', of, count });
  }

  private flush(): void {
    clearTimeout(this.gathering);
    this.gathering = undefined;
    this.writing = this.writing.then(() => this.write());
  }

  private async write(): Promise<void> {
    while (this.pending.length > 0) {
      const events = this.pending.splice(0, MOST_AT_ONCE);
      await appendEvents(this.redis, { role: this.options.role, events }).catch((error: unknown) => {
        this.dropped.inc(events.length);
        this.report(error);
      });
    }
  }
}
