import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { freezePlain } from './plain-value.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

describe('freezePlain', () => {
  it('freezes objects and arrays to their depth', () => {
    const value = { list: [{ at: 1 }], deep: { text: 'x' } };
    expect(freezePlain(value)).toBeGreaterThan(0);
    expect([value, value.list, value.list[0], value.deep].every(Object.isFrozen)).toBe(true);
    expect(freezePlain('text')).toBeGreaterThan(0);
    expect(freezePlain(null)).not.toBeNull();
  });

  it('touches nothing of what holds more than that', () => {
    class Money {}
    for (const part of [new Date(), new Map(), Buffer.from('x'), new Money(), () => 1]) {
      const value = { list: [1], part };
      expect(freezePlain(value)).toBeNull();
      expect(Object.isFrozen(value) || Object.isFrozen(value.list)).toBe(false);
    }
  });

  it('takes a value that refers to itself, and one that is nested deep', () => {
    const value: Record<string, unknown> = Object.create(null);
    value.self = value;
    expect(freezePlain(value)).toBeGreaterThan(0);
    expect(freezePlain(JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`))).toBeGreaterThan(0);
  });

  const many = <T>(count: number, of: (i: number) => T) => Array.from({ length: count }, (_, i) => of(i));
  it.each<[string, (i: number) => unknown]>([
    ['records', (i) => many(20, (j) => ({ id: j, name: `${i} ${j}`, price: j + 0.5, tags: ['a', `b${j}`] }))],
    ['empty objects', () => many(500, () => ({}))],
    ['empty lists', () => many(500, () => [])],
    ['names of their own', (i) => Object.fromEntries(many(10, (j) => [`key${i}_${j}`, j]))],
    ['fractions', () => many(500, (j) => j + 0.5)],
    ['short texts', (i) => many(300, (j) => `${i}${j}`)],
    ['long texts', (i) => `${i} ${'ü€'.repeat(500)}`],
    ['numbers as names', (i) => Object.fromEntries(many(100, (j) => [`${j * 7_919 + i}`, j]))],
  ])('counts no less than the heap says: %s', (_what, of) => {
    const texts = many(100, (i) => JSON.stringify(of(i)));
    const usedBytes = () => {
      collectGarbage();
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const before = usedBytes();
    let counted = 0;
    const values = texts.map((text) => {
      const value: unknown = JSON.parse(text);
      counted += freezePlain(value) ?? Number.NaN;
      return value;
    });
    const used = usedBytes() - before;
    expect(values).toHaveLength(texts.length);
    expect(used).toBeLessThanOrEqual(counted);
  });
});
