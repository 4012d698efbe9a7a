import HashRing from 'hashring';

/**
 * A node has 4 times as many points on the ring. Set explicitly, and different from hashring's default of 40: with the
 * default, hashring computes the number by a division that rounds down at 7, 14, 28, ... members, and keys of living nodes
 * move.
 */
const VIRTUAL_NODES = 50;
/**
 * hashring keeps nodes and keys in plain objects, where `__proto__` and `constructor` are special. With these prefixes no
 * string is special.
 */
const pointOf = (nodeId: string) => `node-${nodeId}`;
const nodeAt = (point: string) => point.slice('node-'.length);
const placeOf = (key: string) => `key-${key}`;
/** hashring uses 32-bit hashes. */
const CIRCLE = 2 ** 32;

/**
 * Consistent hashing over the members of one epoch: with the same members, every node computes the same owners. When a
 * node leaves, only its keys move.
 */
export class Ring {
  private readonly ring: HashRing;
  private sharesByNode: ReadonlyMap<string, number> | undefined;

  constructor(readonly nodeIds: readonly string[]) {
    const node = { vnodes: VIRTUAL_NODES, weight: 1 };
    this.ring = new HashRing(Object.fromEntries(nodeIds.map((nodeId) => [pointOf(nodeId), node])));
  }

  /** The owner of a key; null without members. */
  owner(key: string): string | null {
    return this.nodeIds.length === 0 ? null : nodeAt(this.ring.get(placeOf(key)));
  }

  /** The part of all keys that a node owns, 0..1. */
  share(nodeId: string): number {
    this.sharesByNode ??= this.shares();
    return this.sharesByNode.get(nodeId) ?? 0;
  }

  private shares(): Map<string, number> {
    // For an array of nodes hashring returns an object; its types are wrong.
    const pointsByNode = this.ring.points(this.nodeIds.map(pointOf)) as unknown as Record<string, number[]>;
    const points = Object.entries(pointsByNode)
      .flatMap(([point, ats]) => ats.map((at) => ({ nodeId: nodeAt(point), at })))
      .sort((a, b) => a.at - b.at);
    // A key belongs to the first point at or after its hash, so a point owns the arc before it.
    const shares = new Map<string, number>();
    let previous = (points.at(-1)?.at ?? 0) - CIRCLE;
    for (const { nodeId, at } of points) {
      shares.set(nodeId, (shares.get(nodeId) ?? 0) + (at - previous) / CIRCLE);
      previous = at;
    }
    return shares;
  }
}
