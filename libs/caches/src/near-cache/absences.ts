import { ABSENCE_KNOWN_MS, MAX_ABSENCE_MS, MAX_ABSENCES } from '../coherence/coherence.rules.js';

/** Keys of which this node knows, for a few seconds, that there is no entry. Knows nothing of leases. */
export class Absences {
  /** When Redis was asked, oldest first. Numbers, so that it may be a map (docs/decisions/garbage.md). */
  private readonly askedAt = new Map<string, number>();

  /** Whether Redis may be asked to remember that this node holds this one, too. */
  hasRoomFor(id: string, now: number): boolean {
    for (const [oldest, at] of this.askedAt) {
      if (now < at + ABSENCE_KNOWN_MS) break;
      this.askedAt.delete(oldest);
    }
    return this.askedAt.size < MAX_ABSENCES || this.askedAt.has(id);
  }

  holds(id: string, now: number): boolean {
    const at = this.askedAt.get(id);
    return at !== undefined && now < at + MAX_ABSENCE_MS;
  }

  set(id: string, askedAt: number): void {
    this.askedAt.delete(id);
    if (this.askedAt.size < MAX_ABSENCES) this.askedAt.set(id, askedAt);
  }

  delete(id: string): void {
    this.askedAt.delete(id);
  }

  clear(): void {
    this.askedAt.clear();
  }
}
