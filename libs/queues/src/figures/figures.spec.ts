import { Figures, SAMPLED, type Sample } from './figures.js';

const sampleOf = (number: number) =>
  Object.fromEntries(SAMPLED.map((name, i) => [name, number * 100 + i])) as unknown as Sample;

it('figures of a queue keep the samples of the last hour, the oldest first', () => {
  const figures = new Figures();
  expect([...figures.all()]).toEqual([]);
  expect(figures.last).toBeUndefined();
  for (const count of [1, 16, 17, 360, 361, 1_000]) {
    while ((figures.last?.ready ?? 0) < count * 100) {
      const number = (figures.last?.ready ?? 0) / 100 + 1;
      figures.add(number, sampleOf(number));
    }
    const first = Math.max(1, count - 359);
    const expected = Array.from({ length: count - first + 1 }, (_, i) => ({
      at: first + i,
      ...sampleOf(first + i),
    }));
    expect([...figures.all()]).toEqual(expected);
  }
});
