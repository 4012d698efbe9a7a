import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { StoreUnavailable } from '@syncline/redis';
import { LeasesStore } from '../redis/leases.store.js';
import { type Placed, Waits } from './waits.js';

/** A node beats this often. Others pass over its requests when it was silent for five times as long. */
const BEAT_MS = 500;
/** Beats never follow each other faster than this, however many leases end. */
const LEAST_BEAT_MS = 2;
/** Parked requests are answered by 503 when Redis was out of reach for this long. */
const AWAY_MS = 3_000;
const LAST_MOMENT_MS = 100;
/** Requests that are to be withdrawn as soon as Redis is back; more are left to their own end. */
const MOST_ABANDONED = 10_000;

/**
 * The one timer of a node, one script a beat: it keeps the node's parked requests alive, fetches what hints were
 * lost, and ends leases and sessions whose time is over. While requests wait here, it also beats at the moment
 * when the next lease ends.
 */
@Injectable()
export class Heartbeat implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Heartbeat.name);
  private readonly abandoned = new Map<string, Placed>();
  /** Shards whose last beat found another number of requests in Redis than here. */
  private readonly doubtful = new Set<number>();
  private timer: NodeJS.Timeout | undefined;
  private away: NodeJS.Timeout | undefined;
  private nextBeatAt = 0;
  private beating = false;
  private stopped = false;

  constructor(
    private readonly store: LeasesStore,
    private readonly waits: Waits,
  ) {}

  onApplicationBootstrap(): void {
    this.reached();
    this.schedule(0);
  }

  /** The last beat keeps the places of parked requests while their callers go to another node. */
  async onModuleDestroy(): Promise<void> {
    clearTimeout(this.timer);
    clearTimeout(this.away);
    this.stopped = true;
    await Promise.all(this.store.shards.all.map((shard) => this.store.beat(shard))).catch(() => {});
  }

  /** A lease that a parked request waits for ends in so many ms. */
  expectEnd(inMs: number): void {
    if (!this.beating && performance.now() + inMs < this.nextBeatAt) this.schedule(inMs);
  }

  /** Gives up a request whose caller is gone, now or as soon as Redis is there. */
  abandon(request: Placed): void {
    const { shard, id, claim, returns } = request;
    this.store.withdraw(shard, id, claim, returns).catch((error: unknown) => {
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
      this.abandonLater(request);
    });
  }

  /** What a request came to is unknown: should it have been served, it is given back when Redis is there. */
  abandonLater(request: Placed): void {
    if (this.abandoned.size < MOST_ABANDONED) this.abandoned.set(request.id, request);
  }

  private schedule(inMs: number): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    const delay = Math.min(BEAT_MS, Math.max(LEAST_BEAT_MS, inMs + 1));
    this.nextBeatAt = performance.now() + delay;
    this.timer = setTimeout(() => void this.beat(), delay);
  }

  private async beat(): Promise<void> {
    this.beating = true;
    let nextMs = BEAT_MS;
    try {
      const ends = await Promise.all(this.store.shards.all.map((shard) => this.beatShard(shard)));
      this.reached();
      this.flushAbandoned();
      const next = Math.min(...ends.map((end) => end ?? BEAT_MS));
      // Without requests of its own a node need not be exact: the next regular beat will do.
      if (this.waits.size > 0 || next === 0) nextMs = next;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
    } finally {
      this.beating = false;
      this.schedule(nextMs);
    }
  }

  private async beatShard(shard: number): Promise<number | null> {
    const { held, nextEndMs, ids } = await this.store.beat(shard);
    for (const id of ids) void this.heed(shard, id);
    await this.compare(shard, held);
    return nextEndMs;
  }

  /** There is word of a request. Without Redis it stays there for the next beat. */
  async heed(shard: number, id: string): Promise<void> {
    try {
      await this.waits.wordOf(shard, id);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
    }
  }

  /** Finds out, when two beats in turn disagree, which requests Redis or this node does not know of. */
  private async compare(shard: number, held: number): Promise<void> {
    const here = this.waits.parkedIn(shard);
    if (here.length === held) {
      this.doubtful.delete(shard);
      return;
    }
    if (!this.doubtful.has(shard)) {
      this.doubtful.add(shard);
      return;
    }
    const there = new Set(await this.store.heldByNode(shard));
    for (const id of there) if (!this.waits.has(id)) this.abandon({ shard, id, claim: '-', returns: false });
    for (const id of here) if (!there.has(id)) void this.heed(shard, id);
  }

  private flushAbandoned(): void {
    for (const [id, request] of this.abandoned) {
      this.abandoned.delete(id);
      // Its caller is back.
      if (!this.waits.has(id)) this.abandon(request);
    }
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
