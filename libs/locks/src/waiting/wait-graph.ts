/** Waits of owners, and what stands in their way. Owners as Redis has them. */
export interface WaitGraph {
  readonly waits: ReadonlyMap<string, WaitNode>;
  /** All waits of an owner, by their ids; empty for one that has too many to look at. */
  readonly waitsOf: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface WaitNode {
  readonly id: string;
  readonly shard: number;
  readonly owner: string;
  /** Microseconds of its Redis' clock, as text: when it entered its queues. */
  readonly arrival: string;
  /** False: it will end by itself, so it stands in nobody's way for ever. */
  readonly lasts: boolean;
  readonly items: readonly WaitItem[];
}

/** One of the names that a request waits for. */
export interface WaitItem {
  /** See `resourceKey`. */
  readonly key: string;
  /** Permits that it wants, and that there are. */
  readonly weight: number;
  readonly limit: number;
  readonly holders: readonly { readonly leaseId: string; readonly owner: string; readonly weight: number }[];
  /** Waits that stand before it in the queue. */
  readonly ahead: readonly string[];
}

/** A wait of a circle, with an owner who stands in its way. */
export interface CircleStep {
  readonly wait: WaitNode;
  readonly key: string;
  readonly heldBy: string;
}

/**
 * What two looks have in common, one after the other: all of it stood at the moment between them. A wait or a lease that ended
 * never returns as it was, since a wait has the instant of its arrival and a lease an id that is spent.
 */
export function inBoth(first: WaitGraph, second: WaitGraph): WaitGraph {
  const waits = new Map<string, WaitNode>();
  for (const [id, wait] of second.waits) {
    const before = first.waits.get(id);
    if (before?.arrival !== wait.arrival) continue;
    const items = wait.items.map((item, i) => itemInBoth(before.items[i] as WaitItem, item));
    waits.set(id, { ...wait, lasts: wait.lasts && before.lasts, items });
  }
  const waitsOf = new Map<string, ReadonlySet<string>>();
  for (const [owner, ids] of second.waitsOf) {
    const before = first.waitsOf.get(owner);
    // One that has a wait of which nothing is known is not stuck.
    waitsOf.set(owner, before?.size ? new Set([...before, ...ids]) : new Set());
  }
  return { waits, waitsOf };
}

function itemInBoth(first: WaitItem, second: WaitItem): WaitItem {
  const leases = new Set(first.holders.map(({ leaseId }) => leaseId));
  const ahead = new Set(first.ahead);
  return {
    ...second,
    limit: Math.max(first.limit, second.limit),
    holders: second.holders.filter(({ leaseId }) => leases.has(leaseId)),
    ahead: second.ahead.filter((id) => ahead.has(id)),
  };
}

/**
 * A circle of waits that can never end, through one of them; null when there is none.
 *
 * An owner is stuck when it waits and none of its waits can ever end. A wait can never end when too few permits are left beside
 * those of stuck owners, or when a stuck wait stands before it in the queue (nobody overtakes). This is the greatest fixed point
 * of those two rules, as in deadlock detection for the AND-OR model; a circle is then looked for among the stuck waits only.
 */
export function circleThrough(graph: WaitGraph, id: string): readonly CircleStep[] | null {
  const stuck = stuckWaits(graph);
  return stuck.has(id) ? pathTo(id, id, graph, stuck, new Set()) : null;
}

/** The wait that all others of a circle agree on: the one that arrived last. */
export const youngestOf = (circle: readonly CircleStep[]): WaitNode =>
  circle.map(({ wait }) => wait).reduce((youngest, wait) => (isYounger(wait, youngest) ? wait : youngest));

function isYounger(one: WaitNode, other: WaitNode): boolean {
  const [a, b] = [Number(one.arrival), Number(other.arrival)];
  return a === b ? one.id > other.id : a > b;
}

function stuckWaits({ waits, waitsOf }: WaitGraph): ReadonlySet<string> {
  const stuck = new Set<string>();
  for (const { id, lasts } of waits.values()) if (lasts) stuck.add(id);
  const isHopeless = (item: WaitItem) =>
    item.ahead.some((id) => stuck.has(id)) || isBlockedByHolders(item, waitsOf, stuck);
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of stuck) {
      if (waits.get(id)?.items.some(isHopeless)) continue;
      stuck.delete(id);
      changed = true;
    }
  }
  return stuck;
}

function isBlockedByHolders(
  { holders, limit, weight }: WaitItem,
  waitsOf: WaitGraph['waitsOf'],
  stuck: ReadonlySet<string>,
): boolean {
  const isStuck = (owner: string) => {
    const ids = [...(waitsOf.get(owner) ?? [])];
    return ids.length > 0 && ids.every((id) => stuck.has(id));
  };
  const never = holders.reduce((sum, holder) => sum + (isStuck(holder.owner) ? holder.weight : 0), 0);
  return limit - never < weight;
}

/** Depth first; null: none leads there. */
function pathTo(
  last: string,
  id: string,
  graph: WaitGraph,
  stuck: ReadonlySet<string>,
  visited: Set<string>,
): CircleStep[] | null {
  visited.add(id);
  const wait = graph.waits.get(id) as WaitNode;
  for (const item of wait.items) {
    const held = isBlockedByHolders(item, graph.waitsOf, stuck)
      ? item.holders.flatMap(({ owner }) => [...(graph.waitsOf.get(owner) ?? [])])
      : [];
    for (const other of [...held, ...item.ahead]) {
      if (!stuck.has(other)) continue;
      const step = { wait, key: item.key, heldBy: (graph.waits.get(other) as WaitNode).owner };
      if (other === last) return [step];
      const rest = visited.has(other) ? null : pathTo(last, other, graph, stuck, visited);
      if (rest !== null) return [step, ...rest];
    }
  }
  return null;
}
