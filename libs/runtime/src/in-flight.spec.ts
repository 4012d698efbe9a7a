import { InFlight } from './in-flight.js';

describe('InFlight', () => {
  it('finds items by id and counts them', () => {
    const inFlight = new InFlight<string>();
    inFlight.set('a', 'one');
    inFlight.set(7, 'two');
    expect(inFlight.get('a')).toBe('one');
    expect(inFlight.get(7)).toBe('two');
    expect(inFlight.get('b')).toBeUndefined();
    expect(inFlight.size).toBe(2);
    expect(inFlight.values().sort()).toEqual(['one', 'two']);
  });

  it('counts an id once, however often it is set or deleted', () => {
    const inFlight = new InFlight<string>();
    inFlight.set('a', 'one');
    inFlight.set('a', 'two');
    expect(inFlight.size).toBe(1);
    expect(inFlight.delete('a')).toBe('two');
    expect(inFlight.delete('a')).toBeUndefined();
    expect(inFlight.size).toBe(0);
  });

  it('has nothing under ids that objects inherit', () => {
    const inFlight = new InFlight<string>();
    for (const id of ['__proto__', 'constructor', 'toString']) {
      expect(inFlight.get(id)).toBeUndefined();
      inFlight.set(id, id);
      expect(inFlight.get(id)).toBe(id);
    }
    expect(inFlight.values()).toHaveLength(3);
  });

  it('allows deleting items while iterating over them', () => {
    const inFlight = new InFlight<number>();
    for (const n of [1, 2, 3]) inFlight.set(n, n);
    for (const n of inFlight.values()) inFlight.delete(n);
    expect(inFlight.size).toBe(0);
  });
});
