import { isSafe, stepsFrom } from './protocol.js';
import { type Bounds, initial, type Rule, type State } from './state.js';

export interface Exploration {
  readonly states: number;
  /** The shortest way to an unsafe state; null: there is none. */
  readonly trace: readonly string[] | null;
}

/** Tries every order of events, breadth first. */
export function explore(bounds: Bounds, broken?: Rule): Exploration {
  const first = initial(bounds);
  const origins = new Map<string, { from: string; by: string } | null>([[JSON.stringify(first), null]]);
  let frontier = [...origins.keys()];
  while (frontier.length > 0) {
    const next: string[] = [];
    for (const text of frontier) {
      const state: State = JSON.parse(text);
      for (const { name, step } of stepsFrom(state, bounds, broken)) {
        const after: State = JSON.parse(text);
        step(after);
        const key = JSON.stringify(after);
        if (origins.has(key)) continue;
        origins.set(key, { from: text, by: name });
        if (!isSafe(after, broken)) return { states: origins.size, trace: traceTo(key, origins) };
        next.push(key);
      }
    }
    frontier = next;
  }
  return { states: origins.size, trace: null };
}

function traceTo(key: string, origins: ReadonlyMap<string, { from: string; by: string } | null>): string[] {
  const names: string[] = [];
  for (let at = origins.get(key); at; at = origins.get(at.from)) names.push(at.by);
  return names.reverse();
}
