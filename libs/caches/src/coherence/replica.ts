import { randomUUID } from 'node:crypto';
import { Absences } from '../near-cache/absences.js';
import { NearCache, type NearEntry } from '../near-cache/near-cache.js';
import type { GivenUp } from '../redis/scripts/coherence.scripts.js';
import { IDLE_MS, LEASE_MS, MAX_NEAR_CACHES, NODE_NEAR_BYTES } from './coherence.rules.js';

/** What is given up is a hint for Redis' memory, not for what is right: bounded by forgetting. */
const MAX_GIVEN_UP = 1_000;

/** A read of Redis that is under way. Poisoned: a write may have happened since, its reply must not be kept. */
export interface Flight {
  readonly cache: string;
  readonly key: string;
  readonly number: number;
  /** Incarnation that may hold the reply; '' when none may. */
  readonly incarnation: string;
  poisoned: boolean;
  readonly landed: Promise<void>;
  readonly onLanded: () => void;
}

/** What the near caches answer with: `entry` is null when they know that there is none. */
export interface Held {
  readonly entry: NearEntry | null;
}
const NOTHING: Held = { entry: null };

/** Names hold no space, so no two entries share an id. */
const idOf = (cache: string, key: string) => `${cache} ${key}`;

/**
 * The near caches of this node, and what the node promised about them. Everything here happens in single turns of the
 * event loop; the conversation with Redis is the concern of `Replicas`.
 */
export class Replica {
  /** Null: not joined, nothing is held. */
  incarnation: string | null = null;
  /** Number of the last invalidation that was carried out. */
  seen = 0;
  /** When somebody asked last. */
  usedAt = Number.NEGATIVE_INFINITY;

  private leaseUntil = Number.NEGATIVE_INFINITY;
  private fills = 0;
  private readonly flights: Record<string, Set<Flight>> = Object.create(null);
  private readonly nears = new Map<string, NearCache>();
  private readonly absences = new Absences();
  private givenUp: GivenUp[] = [];

  /** @param onCount told of each eviction and invalidation */
  constructor(private readonly onCount: (cache: string, name: 'evictions' | 'invalidations') => void) {}

  get isLeased(): boolean {
    return performance.now() < this.leaseUntil;
  }

  /** Number of the last fill that was sent. */
  get lastFill(): number {
    return this.fills;
  }

  /** The near cache of a cache; undefined while it holds nothing. */
  nearOf(cache: string): NearCache | undefined {
    return this.nears.get(cache);
  }

  /**
   * What the near caches may answer with at this moment. Both conditions are read in this one turn, after the request
   * arrived: the entry is here, and the lease has not ended.
   */
  lookUp(cache: string, key: string): Held | undefined {
    const now = performance.now();
    this.usedAt = now;
    if (now >= this.leaseUntil) return undefined;
    const entry = this.nears.get(cache)?.get(key, now);
    if (entry !== undefined) return { entry };
    return this.absences.holds(idOf(cache, key), now) ? NOTHING : undefined;
  }

  /** A name that was never used before. */
  newIncarnation(nodeId: string): string {
    return `${nodeId}#${randomUUID()}`;
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
    this.nears.clear();
    this.absences.clear();
    this.givenUp = [];
    this.poison(() => true);
  }

  /** Gives up the near caches that nobody used for long. */
  dropUnused(now: number): void {
    for (const [cache, near] of this.nears) {
      if (near.count === 0 || now - near.usedAt > IDLE_MS) this.nears.delete(cache);
    }
    this.share();
  }

  /** Bytes that this node has for a cache, whatever it is configured to. */
  roomFor(cache: string): number {
    return Math.floor(NODE_NEAR_BYTES / (this.nears.size + (this.nears.has(cache) ? 0 : 1)));
  }

  /** Whether it may be held that there is no such entry. */
  hasRoomForAbsence(cache: string, key: string): boolean {
    return this.absences.hasRoomFor(idOf(cache, key), performance.now());
  }

  takeOff(cache: string, key: string): Flight {
    this.fills += 1;
    let onLanded = () => {};
    const landed = new Promise<void>((resolve) => {
      onLanded = resolve;
    });
    const incarnation = this.incarnation ?? '';
    const flight: Flight = {
      ...{ cache, key, number: this.fills, incarnation, poisoned: false },
      ...{ landed, onLanded },
    };
    const id = idOf(cache, key);
    const others = this.flights[id];
    if (others === undefined) this.flights[id] = new Set([flight]);
    else others.add(flight);
    return flight;
  }

  land(flight: Flight): void {
    const id = idOf(flight.cache, flight.key);
    const others = this.flights[id];
    others?.delete(flight);
    if (others?.size === 0) delete this.flights[id];
    flight.onLanded();
  }

  /** The arrival of a fill of the key that is under way, if there is one. */
  landingOf(cache: string, key: string): Promise<void> | undefined {
    for (const flight of this.flights[idOf(cache, key)] ?? []) return flight.landed;
    return undefined;
  }

  /**
   * Keeps what a flight brought, unless something happened since that it may not know of.
   *
   * @param nearBytes bytes of a near cache, as the cache is configured
   */
  keep(flight: Flight, entry: NearEntry, tags: readonly string[], nearBytes: number): void {
    if (!this.mayKeep(flight)) return;
    this.nearFor(flight.cache, nearBytes).set(flight.key, entry, tags);
    this.absences.delete(idOf(flight.cache, flight.key));
  }

  /** Keeps that there is no entry. @param sentAt when Redis was asked */
  keepAbsence(flight: Flight, sentAt: number): void {
    if (this.mayKeep(flight)) this.absences.set(idOf(flight.cache, flight.key), sentAt);
  }

  /** This node writes the key: what it holds of it, and what is on its way, is void before the write is sent. */
  giveUp(cache: string, key: string): void {
    const id = idOf(cache, key);
    this.nears.get(cache)?.drop(key);
    this.absences.delete(id);
    for (const flight of this.flights[id] ?? []) flight.poisoned = true;
  }

  /** Carries out an invalidation. Registers are those of coherence.lua. */
  invalidate(cache: string, register: string): void {
    this.onCount(cache, 'invalidations');
    const name = register.slice(1);
    const near = this.nears.get(cache);
    switch (register[0]) {
      case 'k':
        this.giveUp(cache, name);
        break;
      case 't':
        near?.dropTag(name);
        this.poison((flight) => flight.cache === cache);
        break;
      case 'p':
        near?.dropPrefix(name);
        this.poison((flight) => flight.cache === cache && flight.key.startsWith(name));
        break;
      default:
        near?.clear();
        this.nears.delete(cache);
        this.poison((flight) => flight.cache === cache);
    }
  }

  /** Takes at most `max` of the entries that were given up since, so that Redis may learn of them. */
  takeGivenUp(max: number): GivenUp[] {
    return this.givenUp.splice(0, max);
  }

  private mayKeep({ poisoned, incarnation }: Flight): boolean {
    return !poisoned && incarnation !== '' && incarnation === this.incarnation;
  }

  private nearFor(cache: string, nearBytes: number): NearCache {
    let near = this.nears.get(cache);
    if (near === undefined) {
      if (this.nears.size >= MAX_NEAR_CACHES) this.dropLeastUsed();
      near = new NearCache(nearBytes, {
        evicted: () => this.onCount(cache, 'evictions'),
        gaveUp: (key, fill) => {
          if (this.givenUp.length < MAX_GIVEN_UP) this.givenUp.push({ cache, key, fill });
        },
      });
      this.nears.set(cache, near);
      this.share();
    }
    if (near.configured !== nearBytes) {
      near.configured = nearBytes;
      this.share();
    }
    return near;
  }

  private dropLeastUsed(): void {
    let least: { cache: string; usedAt: number } | undefined;
    for (const [cache, { usedAt }] of this.nears) {
      if (least === undefined || usedAt < least.usedAt) least = { cache, usedAt };
    }
    if (least !== undefined) this.nears.delete(least.cache);
  }

  /** All near caches together stay within the bytes of the node. */
  private share(): void {
    const share = Math.floor(NODE_NEAR_BYTES / this.nears.size);
    for (const near of this.nears.values()) near.resize(Math.min(near.configured, share));
  }

  private poison(isMeant: (flight: Flight) => boolean): void {
    for (const id of Object.keys(this.flights)) {
      for (const flight of this.flights[id] ?? []) if (isMeant(flight)) flight.poisoned = true;
    }
  }
}
