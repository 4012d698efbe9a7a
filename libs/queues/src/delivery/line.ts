import type { Waiter } from '../redis/scripts/waiters.js';
import type { Receiver } from './receiver.js';

interface VacantPlace {
  readonly waiter: Waiter;
  readonly since: number;
}

/** What this node has in the line of a queue. */
export class Line {
  /** In the order of their arrival here. */
  readonly receivers = new Map<string, Receiver>();
  /** When Redis was first asked of it in vain, by the monotonic clock, ms; `Infinity`: it answered. */
  silentSince = Number.POSITIVE_INFINITY;
  /** Places of receivers that waited in vain, for those who ask next: as a rule the same ones, that need not ask Redis then. */
  private vacant: VacantPlace[] = [];

  get isEmpty(): boolean {
    return this.receivers.size === 0 && this.vacant.length === 0;
  }

  vacate(waiter: Waiter): void {
    this.vacant.push({ waiter, since: performance.now() });
  }

  /** The place that is vacant for longest, which is no longer; undefined when there is none. */
  takePlace(): Waiter | undefined {
    return this.vacant.shift()?.waiter;
  }

  /** A place is lost. */
  losePlace(id: string): void {
    this.vacant = this.vacant.filter(({ waiter }) => waiter.id !== id);
  }

  /** Ids of the places that are vacant since that moment, or for longer; they are no longer. */
  givePlacesUp(since: number): string[] {
    const old = this.vacant.filter((place) => place.since <= since);
    this.vacant = this.vacant.filter((place) => place.since > since);
    return old.map(({ waiter }) => waiter.id);
  }
}
