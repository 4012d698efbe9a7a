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
 * The one timer of a node, one script a beat: it keeps the node's parked requests alive, fetches the outcomes whose
 * hints were lost, and ends leases and sessions whose time is over. While requests wait here, it also beats at the
 * moment when the next lease ends.
 */
@Injectable()
export class Heartbeat implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly loop = new Loop(() => this.beat(), BEAT_MS, new Logger(Heartbeat.name));
  /** Shards whose last beat found another number of requests in Redis than here. */
  private readonly mismatched = new Set<number>();
  private away: NodeJS.Timeout | undefined;
  private joined: Subscription | undefined;
  private stopped = false;

  constructor(
    private readonly store: WaitsStore,
    private readonly waits: Waits,
    private readonly abandoned: AbandonedRequests,
    private readonly membership: Membership,
  ) {}

  onApplicationBootstrap(): void {
    this.reached();
    // A member knows the others, who may know more of a Redis that nobody was heard in for a while.
    this.joined = this.membership.changed.pipe(take(1)).subscribe(() => this.loop.start(0));
  }

  /** The last beat keeps the places of parked requests while their clients go to another node. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    this.joined?.unsubscribe();
    clearTimeout(this.away);
    await this.loop.stop();
    await Promise.all(this.store.shards.map((shard) => this.store.beat(shard))).catch(() => {});
  }

  /** A lease that a parked request waits for ends in so many ms. */
  expectEnd(inMs: number): void {
    this.loop.within(Math.max(LEAST_BEAT_MS, inMs + 1));
  }

  private async beat(): Promise<void> {
    const awake = this.store.shards.filter(
      (shard) => this.mismatched.has(shard) || !this.store.isEmpty(shard, REST_MS),
    );
    const ends = await Promise.all(awake.map((shard) => this.beatShard(shard)));
    this.reached();
    for (const ticket of this.abandoned.takeAll()) {
      // Unless its client is back.
      if (!this.waits.has(ticket.id)) this.abandoned.giveUp(ticket);
    }
    const nextEndMs = Math.min(...ends);
    // Without requests of its own a node need not be exact: the next regular beat will do.
    if (this.waits.size > 0 || nextEndMs === 0) this.expectEnd(nextEndMs);
  }

  /** Returns when the next lease of a shard ends, in ms from now. */
  private async beatShard(shard: number): Promise<number> {
    const { requests, nextEndMs, outcomes } = await this.store.beat(shard);
    for (const id of outcomes) void this.waits.collectOutcome(shard, id);
    await this.compare(shard, requests);
    return nextEndMs ?? Number.POSITIVE_INFINITY;
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

  private reached(): void {
    clearTimeout(this.away);
    if (this.stopped) return;
    this.away = setTimeout(() => {
      // After a pause of this process the replies may lie in the socket, unread: they get a moment.
      this.away = setTimeout(() => {
        this.waits.failAll(new StoreUnavailable('Redis cannot be reached.'));
      }, LAST_MOMENT_MS);
    }, AWAY_MS);
  }
}
