import { Injectable } from '@nestjs/common';
import type { CycleStep } from '../lease/lease.errors.js';
import { DeadlocksStore } from '../redis/deadlocks.store.js';
import { circleThrough, inBoth, youngestOf } from './wait-graph.js';

/** Waits that are looked at together, so that no script keeps Redis busy for long. */
const MOST_TOGETHER = 16;

interface Asked {
  readonly id: string;
  readonly resolve: (circle: readonly CycleStep[] | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Looks for circles of owners that wait for each other. One look is under way at a time, for all that asked meanwhile. */
@Injectable()
export class DeadlockSearch {
  private asked: Asked[] = [];
  private underWay = false;

  constructor(private readonly store: DeadlocksStore) {}

  /**
   * Ends a wait that is the youngest of a circle. The circle begins with it; null: there is none.
   *
   * @throws StoreUnavailable
   */
  search(id: string): Promise<readonly CycleStep[] | null> {
    return new Promise((resolve, reject) => {
      this.asked.push({ id, resolve, reject });
      if (!this.underWay) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.underWay = true;
    while (this.asked.length > 0) {
      const asked = this.asked.splice(0, MOST_TOGETHER);
      try {
        const candidates = new Set(await this.store.leadingBack(asked.map(({ id }) => id)));
        for (const { id, resolve } of asked) resolve(candidates.has(id) ? await this.end(id) : null);
      } catch (error) {
        for (const { reject } of asked) reject(error);
      }
    }
    this.underWay = false;
  }

  private async end(id: string): Promise<readonly CycleStep[] | null> {
    const first = await this.store.collect(id);
    const graph = this.store.areSeveral ? inBoth(first, await this.store.collect(id)) : first;
    const circle = circleThrough(graph, id);
    return circle !== null && youngestOf(circle).id === id ? this.store.giveUp(circle) : null;
  }
}
