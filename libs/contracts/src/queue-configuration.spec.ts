import { defaultConfiguration } from './queue-configuration.js';

const deadLettersOf = (queue: string) => defaultConfiguration(queue).deadLetterQueue;

describe('the dead-letter queue that nobody named', () => {
  it('has the name of its queue and .dead', () => {
    expect(deadLettersOf('orders')).toBe('orders.dead');
    expect(deadLettersOf('orders.dead')).toBe('orders.dead.dead');
    expect(deadLettersOf('n'.repeat(251))).toBe(`${'n'.repeat(251)}.dead`);
  });

  it('is a queue of its own for each name that is too long for that', () => {
    const names = [252, 253, 256].map((length) => 'n'.repeat(length));
    names.push(`${'n'.repeat(251)}.dead`, `${'n'.repeat(251)}.deaf`);
    const dead = names.map(deadLettersOf);
    expect(new Set([...names, ...dead]).size).toBe(2 * names.length);
    for (const name of dead) expect(name).toMatch(/^n+\.[0-9a-f]{12}\.dead$/);
    expect(dead.map(({ length }) => length)).toEqual(names.map(() => 256));
  });
});
