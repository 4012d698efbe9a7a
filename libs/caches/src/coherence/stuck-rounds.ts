import type { StuckRound } from '../redis/scripts/coherence.commands.js';
import { FORCE_AFTER_MS } from './coherence.rules.js';

/** Rounds that seem to be stuck, since their writers died: a node that sees one for long enough may end it. */
export class StuckRounds {
  /** Since when this node knows of each, and who had to acknowledge then. */
  private seen = new Map<string, { readonly since: number; readonly round: StuckRound }>();

  /**
   * @param reported rounds that Redis reports now
   * @returns those to be forced, with the sharers of when this node first heard of them
   */
  overdue(reported: readonly StuckRound[]): StuckRound[] {
    const now = performance.now();
    const before = this.seen;
    this.seen = new Map();
    const overdue: StuckRound[] = [];
    for (const round of reported) {
      const id = `${round.round} ${round.cache} ${round.register}`;
      const known = before.get(id) ?? { since: now, round };
      if (now - known.since >= FORCE_AFTER_MS) overdue.push(known.round);
      else this.seen.set(id, known);
    }
    return overdue;
  }

  clear(): void {
    this.seen.clear();
  }
}
