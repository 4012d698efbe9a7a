import { randomUUID } from 'node:crypto';
import { DEFAULT_NEAR_BYTES, LARGEST_SHARE, LEASE_MS } from './coherence.rules.js';
import { NearCache, type NearEntry } from './near-cache.js';

/** A read of Redis that is under way. Poisoned: a write may have happened since, its reply must not be kept. */
export interface Flight {
  readonly key: string;
  readonly number: number;
  /** Incarnation that may hold the reply; '' when none may. */
  readonly incarnation: string;
  poisoned: boolean;
  readonly landed: Promise<void>;
  readonly onLanded: () => void;
}

/**
 * The near cache of one cache on this node, and what this node promised about it. Everything here happens in single
 * turns of the event loop; the conversation with Redis is the concern of `Replicas`.
 */
export class Replica {
  readonly near: NearCache;
  /** Null: not joined, nothing is held. */
  incarnation: string | null = null;
  /** Number of the last invalidation that was carried out. */
  seen = 0;
  capacity = DEFAULT_NEAR_BYTES;
  usedAt = performance.now();

  private leaseUntil = Number.NEGATIVE_INFINITY;
  private fills = 0;
  private readonly flights: Record<string, Set<Flight>> = Object.create(null);

  /** @param onCount told of each eviction and invalidation */
  constructor(
    readonly cache: string,
    private readonly onCount: (name: 'evictions' | 'invalidations') => void,
  ) {
    this.near = new NearCache(DEFAULT_NEAR_BYTES, () => onCount('evictions'));
  }

  get isLeased(): boolean {
    return performance.now() < this.leaseUntil;
  }

  /** Number of the last fill that was sent. */
  get lastFill(): number {
    return this.fills;
  }

  /** Largest value that the near cache takes, in bytes. */
  get largest(): number {
    return Math.floor(this.capacity * LARGEST_SHARE);
  }

  /**
   * What the near cache may answer with at this moment. Both conditions are read in this one turn, after the request
   * arrived: the entry is here, and the lease has not ended.
   */
  lookUp(key: string): NearEntry | undefined {
    const now = performance.now();
    if (now >= this.leaseUntil) return undefined;
    return this.near.get(key, now);
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
    this.near.clear();
    this.poisonAll();
  }

  resize(capacity: number): void {
    this.capacity = capacity;
    this.near.resize(capacity);
  }

  takeOff(key: string): Flight {
    this.fills += 1;
    let onLanded = () => {};
    const landed = new Promise<void>((resolve) => {
      onLanded = resolve;
    });
    const incarnation = this.incarnation ?? '';
    const flight: Flight = { key, number: this.fills, incarnation, poisoned: false, landed, onLanded };
    const others = this.flights[key];
    if (others === undefined) this.flights[key] = new Set([flight]);
    else others.add(flight);
    return flight;
  }

  land(flight: Flight): void {
    const others = this.flights[flight.key];
    others?.delete(flight);
    if (others?.size === 0) delete this.flights[flight.key];
    flight.onLanded();
  }

  /** The arrival of a fill of the key that is under way, if there is one. */
  landingOf(key: string): Promise<void> | undefined {
    for (const flight of this.flights[key] ?? []) return flight.landed;
    return undefined;
  }

  /** Keeps what a flight brought, unless something happened since that it may not know of. */
  keep(flight: Flight, entry: NearEntry, tags: readonly string[]): void {
    if (flight.poisoned || flight.incarnation === '' || flight.incarnation !== this.incarnation) return;
    this.near.set(flight.key, entry, tags);
  }

  /** This node writes the key: what it holds of it, and what is on its way, is void before the write is sent. */
  giveUp(key: string): void {
    this.near.drop(key);
    this.poison(key);
  }

  /** Carries out an invalidation. Registers are those of coherence.lua. */
  invalidate(register: string): void {
    this.onCount('invalidations');
    const name = register.slice(1);
    switch (register[0]) {
      case 'k':
        this.near.drop(name);
        this.poison(name);
        break;
      case 't':
        this.near.dropTag(name);
        this.poisonAll();
        break;
      default:
        this.near.clear();
        this.poisonAll();
    }
  }

  private poison(key: string): void {
    for (const flight of this.flights[key] ?? []) flight.poisoned = true;
  }

  private poisonAll(): void {
    for (const key of Object.keys(this.flights)) this.poison(key);
  }
}
