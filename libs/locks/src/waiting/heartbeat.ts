import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { StoreUnavailable } from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import { type Subscription, take } from 'rxjs';
import { WaitsStore } from '../redis/waits.store.js';
import { AbandonedRequests } from './abandoned-requests.js';
import { NO_CLAIM } from './ticket.js';
import { Waits } from './waits.js';

/** A node beats this often. Others pass over its requests when it was silent for five times as long. */
const BEAT_MS = 500;
/** Where nothing is held or awaited it beats this often, unless it calls there. */
const REST_MS = 10_000;
/** Beats never follow each other faster than this, however many leases end. */
const LEAST_BEAT_MS = 2;
/** Parked requests are answered by 503 when Redis was out of reach for this long. */
const AWAY_MS = 3_000;
const LAST_MOMENT_MS = 100;

/**
 * Keeps the node's parked requests alive, fetches the outcomes whose hints were lost, and ends leases and sessions whose time is
 * over: one script a beat and shard. While requests wait here, it also beats at the moment when the next lease ends. The shards of
 * a Redis Cluster do not wait for each other: one whose primary is away costs the others nothing.
 */
@Injectable()
export class Heartbeat implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly clock: Loop;
  private readonly beats: ReadonlyMap<number, Loop>;
  /** Shards whose last beat found another number of requests in Redis than here. */
  private readonly mismatched = new Set<number>();
  /** Until when an answer of a shard is waited for; none for a shard that is at rest. */
  private readonly away = new Map<number, NodeJS.Timeout>();
  private joined: Subscription | undefined;
  private stopped = false;

  constructor(
    private readonly store: WaitsStore,
    private readonly waits: Waits,
    private readonly abandoned: AbandonedRequests,
    private readonly membership: Membership,
  ) {
    const logger = new Logger(Heartbeat.name);
    this.clock = new Loop(async () => this.beatAll(), BEAT_MS, logger);
    this.beats = new Map(
      store.shards.map((shard) => [
        shard,
        new Loop(() => this.beat(shard), Number.POSITIVE_INFINITY, logger),
      ]),
    );
  }

  onApplicationBootstrap(): void {
    // A member knows the others, who may know more of a Redis that nobody was heard in for a while.
    this.joined = this.membership.changed.pipe(take(1)).subscribe(() => {
      for (const beat of this.beats.values()) beat.start();
      this.clock.start(0);
    });
  }

  /** The last beat keeps the places of parked requests while their clients go to another node. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.joined?.unsubscribe();
    for (const shard of this.away.keys()) this.expectNothing(shard);
    await Promise.all([this.clock, ...this.beats.values()].map((loop) => loop.stop()));
    await Promise.allSettled(this.store.shards.map((shard) => this.store.beat(shard)));
  }

  /** A lease that a parked request waits for ends in so many ms. */
  expectEnd(shard: number, inMs: number): void {
    this.beats.get(shard)?.within(Math.max(LEAST_BEAT_MS, inMs + 1));
  }

  private beatAll(): void {
    for (const [shard, beat] of this.beats) {
      if (this.mismatched.has(shard) || !this.store.isEmpty(shard, REST_MS)) void beat.run();
      else this.expectNothing(shard);
    }
  }

  private async beat(shard: number): Promise<void> {
    if (!this.away.has(shard)) this.expectAnswer(shard);
    const { requests, nextEndMs, outcomes } = await this.store.beat(shard);
    for (const id of outcomes) void this.waits.collectOutcome(shard, id);
    await this.compare(shard, requests);
    this.expectAnswer(shard);
    for (const ticket of this.abandoned.takeAll(shard)) {
      // Unless its client is back.
      if (!this.waits.has(ticket.id)) this.abandoned.giveUp(ticket);
    }
    // Without requests of its own a node need not be exact: the next regular beat will do.
    if (nextEndMs === 0 || (nextEndMs !== null && this.waits.size > 0)) this.expectEnd(shard, nextEndMs);
  }

  /** Finds out, when two beats in turn disagree, which requests Redis or this node does not know of. */
  private async compare(shard: number, count: number): Promise<void> {
    const here = this.waits.queuedIn(shard);
    if (here.length === count) {
      this.mismatched.delete(shard);
      return;
    }
    if (!this.mismatched.has(shard)) {
      this.mismatched.add(shard);
      return;
    }
    const there = new Set(await this.store.requestsOfProcess(shard));
    for (const id of there) {
      if (!this.waits.has(id)) this.abandoned.giveUp({ shard, id, claim: NO_CLAIM, mayReturn: false });
    }
    for (const id of here) if (!there.has(id)) void this.waits.collectOutcome(shard, id);
  }

  /** Redis answers for a shard: it will once more, or the requests that wait there are ended. */
  private expectAnswer(shard: number): void {
    this.expectNothing(shard);
    if (this.stopped) return;
    const giveUp = () => this.waits.failAll(shard, new StoreUnavailable('Redis cannot be reached.'));
    // After a pause of this process the replies may lie in the socket, unread: they get a moment.
    const onSilence = () => this.away.set(shard, setTimeout(giveUp, LAST_MOMENT_MS));
    this.away.set(shard, setTimeout(onSilence, AWAY_MS));
  }

  private expectNothing(shard: number): void {
    clearTimeout(this.away.get(shard));
    this.away.delete(shard);
  }
}
