import type { Durations } from '@syncline/redis';
import { InFlight } from '@syncline/runtime';
import type { EndedLease, KeptLease, KeptPlace, KeptSession, Knowledge } from './kept.js';

/** Ends of leases are remembered for one to two of these: longer than a replica may be behind, when it is promoted. */
const ENDED_MS = 10_000;
const MOST_ENDED = 10_000;
const SWEEP_MS = 10_000;

const idOf = ({ key, leaseId }: EndedLease): string => `${key} ${leaseId}`;

/**
 * What this node told its clients of one shard and has not heard the end of: it is asserted where a new instance of Redis does
 * not have it. As much as is held and awaited through this node, and the ends of the last seconds.
 */
export class ShardMemory {
  private readonly leases = new InFlight<KeptLease>();
  private readonly sessions = new InFlight<KeptSession>();
  private readonly places = new InFlight<KeptPlace>();
  private ended: EndedLease[] = [];
  private endedBefore: EndedLease[] = [];
  private turnedAt = performance.now();
  private sweptAt = performance.now();

  /** @param held how long leases were that were granted and ended through this node */
  constructor(private readonly held: Durations) {}

  get size(): number {
    return this.leases.size;
  }

  keepLease(lease: KeptLease): void {
    const id = idOf(lease);
    const known = this.leases.get(id);
    if (known === undefined) this.leases.set(id, lease);
    else {
      // Told again, it ends when it did: the reply does not say how far off that is.
      const until = known.endsAt === lease.endsAt ? known.until : lease.until;
      const { waitId, heldSince } = known;
      this.leases.set(id, {
        ...lease,
        waitId: lease.waitId ?? waitId,
        heldSince: heldSince ?? lease.heldSince,
        until,
      });
    }
    if (lease.waitId !== null) this.places.delete(lease.waitId);
  }

  /** The lease may live, but its client is not to have it. */
  forgetLease(lease: EndedLease): void {
    this.leases.delete(idOf(lease));
  }

  leaseOf(lease: EndedLease): KeptLease | undefined {
    return this.leases.get(idOf(lease));
  }

  endLease(lease: EndedLease): void {
    const heldSince = this.leases.delete(idOf(lease))?.heldSince ?? null;
    if (heldSince !== null) this.held.add(performance.now() - heldSince);
    if (this.ended.length >= MOST_ENDED) this.turn();
    this.ended.push(lease);
  }

  keepSession(session: KeptSession): void {
    this.sessions.set(session.sessionId, session);
  }

  /** It ended, with its leases. */
  endSession(sessionId: string): void {
    this.sessions.delete(sessionId);
    for (const lease of this.leases.values()) if (lease.sessionId === sessionId) this.endLease(lease);
  }

  keepPlace(place: KeptPlace): void {
    this.places.set(place.waitId, place);
  }

  forgetPlace(waitId: string): void {
    this.places.delete(waitId);
  }

  /** Forgets what is over, now and then: it costs a look at everything. */
  tidy(): void {
    if (performance.now() - this.sweptAt > SWEEP_MS) this.sweep();
  }

  private sweep(): void {
    const now = performance.now();
    this.sweptAt = now;
    for (const session of this.sessions.values())
      if (session.until <= now) this.sessions.delete(session.sessionId);
    for (const lease of this.leases.values()) if (this.endOf(lease) <= now) this.forgetLease(lease);
    for (const place of this.places.values()) if (place.until <= now) this.places.delete(place.waitId);
    if (now - this.turnedAt > ENDED_MS) this.turn();
  }

  /** All that is not over. A lease of a session lives as long as that. */
  recall(): Knowledge {
    this.sweep();
    return {
      sessions: this.sessions.values(),
      ended: [...this.endedBefore, ...this.ended],
      leases: this.leases.values().map((lease) => ({ ...lease, until: this.endOf(lease) })),
      places: this.places.values(),
    };
  }

  private endOf({ sessionId, until }: KeptLease): number {
    return Math.max(until, sessionId === null ? 0 : (this.sessions.get(sessionId)?.until ?? 0));
  }

  private turn(): void {
    this.endedBefore = this.ended;
    this.ended = [];
    this.turnedAt = performance.now();
  }
}
