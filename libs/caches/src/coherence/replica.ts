import { InFlight } from '@syncline/runtime';
import { Absences } from '../near-cache/absences.js';
import type { NearCache, NearEntry, OnEvicted } from '../near-cache/near-cache.js';
import type { Register } from '../redis/registers.js';
import type { EvictedEntry } from '../redis/scripts/coherence.commands.js';
import { LEASE_MS } from './coherence.rules.js';
import { Lease } from './lease.js';
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
 * What the near caches of this node hold of one shard, and what the node promised about it. Everything here
 * happens in single turns of the event loop; what Redis is told and tells is the concern of `ReplicaSync`.
 */
export class Replica {
  /** Null: not joined, nothing is held. */
  incarnation: string | null = null;
  /** Number of the last invalidation that was carried out. */
  seen = 0;
  /** What it holds is served under this one. */
  lease = new Lease();

  private fills = 0;
  /** By the entry that they read. */
  private readonly underWay = new InFlight<Set<NearFill>>();
  private readonly absences = new Absences();
  private evicted: EvictedEntry[] = [];

  /**
   * @param nears of all shards
   * @param on    called for each invalidation, and for each entry that has to leave, of whichever shard
   */
  constructor(
    private readonly nears: NearCaches,
    private readonly on: {
      readonly invalidated: (cache: string) => void;
      readonly evicted: (cache: string, ...entry: Parameters<OnEvicted>) => void;
    },
  ) {}

  get isLeased(): boolean {
    return performance.now() < this.lease.until;
  }

  /** Number of the last fill that was sent. */
  get lastFill(): number {
    return this.fills;
  }

  /** Whether a reader that comes at this moment may be told that there is no entry. */
  servesAbsence(cache: string, key: string, now: number): boolean {
    return this.lease.serves(now) && this.absences.holds(idOf(cache, key), now);
  }

  /** The lease counts from before its renewal was sent: Redis cannot have seen that earlier. */
  extendLease(sentAt: number): void {
    this.lease.until = Math.max(this.lease.until, sentAt + LEASE_MS);
  }

  /** Forgets everything: this incarnation may have missed a write. */
  reset(): void {
    this.nears.end(this.lease);
    this.lease = new Lease();
    this.incarnation = null;
    this.seen = 0;
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
    this.nearFor(fill.cache, nearBytes).set(fill.key, entry, tags, this.lease);
    this.absences.delete(idOf(fill.cache, fill.key));
  }

  /** Keeps that there is no entry. @param sentAt when Redis was asked */
  keepAbsence(fill: NearFill, sentAt: number): void {
    if (this.mayKeep(fill)) this.absences.set(idOf(fill.cache, fill.key), sentAt);
  }

  /** Drops what is held of an entry, and what fills that are under way will bring. */
  drop(cache: string, key: string): void {
    const id = idOf(cache, key);
    this.nears.of(cache)?.drop(key);
    this.absences.delete(id);
    for (const fill of this.underWay.get(id) ?? []) fill.superseded = true;
  }

  invalidate(cache: string, { kind, name }: Register): void {
    this.on.invalidated(cache);
    const near = this.nears.of(cache);
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

  /** An entry of the shard left a near cache. */
  onEvicted(entry: EvictedEntry): void {
    if (this.evicted.length < MAX_EVICTED) this.evicted.push(entry);
  }

  /** Takes at most `max` of the entries that were evicted since, so that Redis may learn of them. */
  takeEvicted(max: number): EvictedEntry[] {
    return this.evicted.splice(0, max);
  }

  private mayKeep({ superseded, incarnation }: NearFill): boolean {
    return !superseded && incarnation !== '' && incarnation === this.incarnation;
  }

  private nearFor(cache: string, nearBytes: number): NearCache {
    return this.nears.open(cache, nearBytes, (...entry) => this.on.evicted(cache, ...entry));
  }

  private supersede(isMeant: (fill: NearFill) => boolean): void {
    for (const fills of this.underWay.values()) {
      for (const fill of fills) if (isMeant(fill)) fill.superseded = true;
    }
  }
}
