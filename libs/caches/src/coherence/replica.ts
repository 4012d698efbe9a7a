import { InFlight } from '@syncline/runtime';
import { Absences } from '../near-cache/absences.js';
import type { HeldEntry, NearCache, NearEntry } from '../near-cache/near-cache.js';
import type { Register } from '../redis/registers.js';
import type { EvictedEntry } from '../redis/scripts/coherence.commands.js';
import { LEASE_MS } from './coherence.rules.js';
import type { NearCaches } from './near-caches.js';

/** What was evicted is told to Redis for the sake of its memory alone: more of it is forgotten. */
const MAX_EVICTED = 1_000;

/** A read of Redis that is under way. Superseded: a write may have happened since, its reply must not be kept. */
export interface NearFill {
  readonly cache: string;
  readonly key: string;
  readonly number: number;
  /** Incarnation that may hold the reply; '' when none may. */
  readonly incarnation: string;
  superseded: boolean;
  readonly ended: Promise<void>;
  readonly onEnded: () => void;
}

/** Names hold no space, so no two entries share an id. */
const idOf = (cache: string, key: string) => `${cache} ${key}`;

/**
 * What the near caches of this node hold of the caches of one shard, and what the node promised about it. Everything here
 * happens in single turns of the event loop; what Redis is told and tells is the concern of `ReplicaSync`.
 */
export class Replica {
  /** Null: not joined, nothing is held. */
  incarnation: string | null = null;
  /** Number of the last invalidation that was carried out. */
  seen = 0;
  /** When a reader came last. */
  usedAt = Number.NEGATIVE_INFINITY;

  private leaseUntil = Number.NEGATIVE_INFINITY;
  private fills = 0;
  /** By the entry that they read. */
  private readonly underWay = new InFlight<Set<NearFill>>();
  private readonly absences = new Absences();
  private evicted: EvictedEntry[] = [];

  /**
   * @param nears   of all shards
   * @param onCount called for each eviction and invalidation
   */
  constructor(
    private readonly nears: NearCaches<Replica>,
    private readonly onCount: (cache: string, name: 'evictions' | 'invalidations') => void,
  ) {}

  get isLeased(): boolean {
    return performance.now() < this.leaseUntil;
  }

  /** Number of the last fill that was sent. */
  get lastFill(): number {
    return this.fills;
  }

  /**
   * What the near caches may answer with at this moment. Both conditions are read in this one turn, after the request
   * arrived: the entry is here, and the lease has not ended.
   *
   * @param near of the cache, if there is one
   * @returns null when there is no entry, undefined when only Redis can tell
   */
  lookUp(cache: string, key: string, near: NearCache | undefined, now: number): HeldEntry | null | undefined {
    this.usedAt = now;
    if (now >= this.leaseUntil) return undefined;
    const entry = near?.get(key, now);
    if (entry !== undefined) return entry;
    return this.absences.holds(idOf(cache, key), now) ? null : undefined;
  }

  /** The lease counts from before its renewal was sent: Redis cannot have seen that earlier. */
  extendLease(sentAt: number): void {
    this.leaseUntil = Math.max(this.leaseUntil, sentAt + LEASE_MS);
  }

  /** Forgets everything: this incarnation may have missed a write. */
  reset(): void {
    this.leaseUntil = Number.NEGATIVE_INFINITY;
    this.incarnation = null;
    this.seen = 0;
    this.nears.dropAllOf(this);
    this.absences.clear();
    this.evicted = [];
    this.supersede(() => true);
  }

  /** Bytes that this node has for a cache, whatever it is configured to. */
  roomFor(cache: string): number {
    return this.nears.roomFor(cache);
  }

  /** Whether it may be held that there is no such entry. */
  hasRoomForAbsence(cache: string, key: string): boolean {
    return this.absences.hasRoomFor(idOf(cache, key), performance.now());
  }

  beginFill(cache: string, key: string): NearFill {
    this.fills += 1;
    let onEnded = () => {};
    const ended = new Promise<void>((resolve) => {
      onEnded = resolve;
    });
    const incarnation = this.incarnation ?? '';
    const fill = { cache, key, number: this.fills, incarnation, superseded: false, ended, onEnded };
    const id = idOf(cache, key);
    const others = this.underWay.get(id);
    if (others === undefined) this.underWay.set(id, new Set([fill]));
    else others.add(fill);
    return fill;
  }

  endFill(fill: NearFill): void {
    const id = idOf(fill.cache, fill.key);
    const fills = this.underWay.get(id);
    fills?.delete(fill);
    if (fills?.size === 0) this.underWay.delete(id);
    fill.onEnded();
  }

  /** Resolves when a fill of the entry that is under way has ended; undefined: there is none. */
  fillUnderWay(cache: string, key: string): Promise<void> | undefined {
    const [first] = this.underWay.get(idOf(cache, key)) ?? [];
    return first?.ended;
  }

  /**
   * Keeps what a fill brought, unless something happened since that it may not know of.
   *
   * @param nearBytes bytes of a near cache, as the cache is configured
   */
  keep(fill: NearFill, entry: NearEntry, tags: readonly string[], nearBytes: number): void {
    if (!this.mayKeep(fill)) return;
    this.nearFor(fill.cache, nearBytes).set(fill.key, entry, tags);
    this.absences.delete(idOf(fill.cache, fill.key));
  }

  /** Keeps that there is no entry. @param sentAt when Redis was asked */
  keepAbsence(fill: NearFill, sentAt: number): void {
    if (this.mayKeep(fill)) this.absences.set(idOf(fill.cache, fill.key), sentAt);
  }

  /** Drops what is held of an entry, and what fills that are under way will bring. */
  drop(cache: string, key: string): void {
    const id = idOf(cache, key);
    this.nears.of(cache)?.near.drop(key);
    this.absences.delete(id);
    for (const fill of this.underWay.get(id) ?? []) fill.superseded = true;
  }

  invalidate(cache: string, { kind, name }: Register): void {
    this.onCount(cache, 'invalidations');
    const near = this.nears.of(cache)?.near;
    switch (kind) {
      case 'key':
        this.drop(cache, name);
        break;
      case 'tag':
        near?.dropTag(name);
        this.supersede((fill) => fill.cache === cache);
        break;
      case 'prefix':
        near?.dropPrefix(name);
        this.supersede((fill) => fill.cache === cache && fill.key.startsWith(name));
        break;
      case 'cache':
        near?.clear();
        this.nears.drop(cache);
        this.supersede((fill) => fill.cache === cache);
    }
  }

  /** Takes at most `max` of the entries that were evicted since, so that Redis may learn of them. */
  takeEvicted(max: number): EvictedEntry[] {
    return this.evicted.splice(0, max);
  }

  private mayKeep({ superseded, incarnation }: NearFill): boolean {
    return !superseded && incarnation !== '' && incarnation === this.incarnation;
  }

  private nearFor(cache: string, nearBytes: number): NearCache {
    return this.nears.open(cache, this, nearBytes, (key, fill, why) => {
      if (why === 'room') this.onCount(cache, 'evictions');
      if (this.evicted.length < MAX_EVICTED) this.evicted.push({ cache, key, fill });
    });
  }

  private supersede(isMeant: (fill: NearFill) => boolean): void {
    for (const fills of this.underWay.values()) {
      for (const fill of fills) if (isMeant(fill)) fill.superseded = true;
    }
  }
}
