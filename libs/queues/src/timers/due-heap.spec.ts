import fc from 'fast-check';
import { DueHeap } from './due-heap.js';

describe('the heap of due instants', () => {
  it('gives the queues out by the earliest instant of each', () => {
    const adds = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), fc.nat(50)));
    fc.assert(
      fc.property(adds, fc.nat(50), (added, now) => {
        const heap = new DueHeap();
        const earliest = new Map<string, number>();
        for (const [queue, at] of added) {
          heap.add(queue, at);
          earliest.set(queue, Math.min(at, earliest.get(queue) ?? at));
        }
        const due = heap.takeDue(now);
        const instants = due.map((queue) => earliest.get(queue));
        expect(instants).toEqual([...earliest.values()].filter((at) => at <= now).sort((a, b) => a - b));
        const rest = [...earliest.values()].filter((at) => at > now);
        expect([heap.size, heap.next]).toEqual([rest.length, rest.length > 0 ? Math.min(...rest) : null]);
      }),
    );
  });

  it('keeps one entry a queue, however often its instant moves', () => {
    const heap = new DueHeap();
    for (let at = 10_000; at > 0; at--) for (const queue of ['a', 'b', 'c']) heap.add(queue, at);
    expect(heap.size).toBe(3);
    expect(heap.takeDue(1).sort()).toEqual(['a', 'b', 'c']);
    expect(heap.size).toBe(0);
  });
});
