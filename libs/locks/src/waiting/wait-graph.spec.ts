import { circleThrough, inBoth, type WaitGraph, type WaitNode, youngestOf } from './wait-graph.js';

interface Wait {
  readonly of: string;
  readonly for: string;
  readonly holders: Readonly<Record<string, number>>;
  readonly weight?: number;
  readonly limit?: number;
  readonly ahead?: readonly string[];
  readonly lasts?: boolean;
  readonly arrival?: number;
}

/** Waits by their ids; a lease is named after its holder. */
function graph(waits: Readonly<Record<string, Wait>>): WaitGraph {
  const nodes = Object.entries(waits).map(([id, wait], i): WaitNode => {
    const holders = Object.entries(wait.holders).map(([owner, weight]) => ({
      leaseId: owner,
      owner,
      weight,
    }));
    const { weight = 1, limit = 1, ahead = [], lasts = true, arrival = i } = wait;
    return {
      id,
      shard: 0,
      owner: wait.of,
      arrival: `${arrival}`,
      lasts,
      items: [{ key: `l/${wait.for}`, weight, limit, holders, ahead }],
    };
  });
  const waitsOf = new Map<string, Set<string>>();
  for (const { owner, id } of nodes) waitsOf.set(owner, new Set([...(waitsOf.get(owner) ?? []), id]));
  return { waits: new Map(nodes.map((node) => [node.id, node])), waitsOf };
}

const owners = (of: WaitGraph, id: string) => circleThrough(of, id)?.map(({ wait }) => wait.owner) ?? null;

const TWO: Record<string, Wait> = {
  a: { of: 'A', for: 'y', holders: { B: 1 } },
  b: { of: 'B', for: 'x', holders: { A: 1 } },
};

describe('a circle of waits', () => {
  it('is found from each of its waits, which agree on the youngest', () => {
    const of = graph(TWO);
    expect([owners(of, 'a'), owners(of, 'b')]).toEqual([
      ['A', 'B'],
      ['B', 'A'],
    ]);
    for (const id of ['a', 'b']) expect(youngestOf(circleThrough(of, id) ?? []).id).toBe('b');
    const atOnce = graph({ a: { ...(TWO.a as Wait), arrival: 7 }, b: { ...(TWO.b as Wait), arrival: 7 } });
    for (const id of ['a', 'b']) expect(youngestOf(circleThrough(atOnce, id) ?? []).id).toBe('b');
  });

  it('is none where a wait ends by itself, or its owner can go on with another one', () => {
    expect(owners(graph({ ...TWO, a: { ...(TWO.a as Wait), lasts: false } }), 'b')).toBeNull();
    expect(owners(graph({ ...TWO, a2: { of: 'A', for: 'z', holders: { C: 1 } } }), 'b')).toBeNull();
  });

  it('is none where a holder who does not wait leaves enough permits', () => {
    const b = { of: 'B', for: 's', limit: 2, holders: { A: 1, C: 1 } };
    expect(owners(graph({ ...TWO, b }), 'b')).toBeNull();
    expect(owners(graph({ ...TWO, b: { ...b, weight: 2 } }), 'b')).toEqual(['B', 'A']);
  });

  it('may lead through the queue: nobody overtakes a wait that never ends', () => {
    const of = graph({
      a: { of: 'A', for: 'y', holders: { B: 1 } },
      b: { of: 'B', for: 'x', holders: { C: 1 }, limit: 2, ahead: ['c'] },
      c: { of: 'C', for: 'x', holders: { A: 2 }, limit: 2, weight: 2 },
    });
    expect(owners(of, 'b')).toEqual(['B', 'C', 'A']);
  });

  it('has only what was the same in two looks', () => {
    const first = graph(TWO);
    expect(owners(inBoth(first, graph(TWO)), 'b')).toEqual(['B', 'A']);
    const changes: Record<string, Partial<Wait>> = {
      'another lease': { holders: { C: 1 } },
      'another wait of the same id': { arrival: 99 },
      'a larger limit': { limit: 2 },
      'about to end': { lasts: false },
    };
    for (const [what, change] of Object.entries(changes)) {
      const other = graph({ ...TWO, a: { ...(TWO.a as Wait), ...change } });
      expect([what, owners(inBoth(first, other), 'b')]).toEqual([what, null]);
      expect([what, owners(inBoth(other, first), 'b')]).toEqual([what, null]);
    }
    const { a } = TWO;
    expect(owners(inBoth(first, graph({ a: a as Wait })), 'a')).toBeNull();
    expect(owners(inBoth(graph({ a: a as Wait }), first), 'a')).toBeNull();
  });
});
