import { searchSchema } from './message-search.js';

describe('the limit of a search', () => {
  const parsed = (limit?: unknown) => searchSchema.safeParse({ state: 'ready', limit });

  it.each(['5', true, [5], null, 0, 1_001, 1.5])('is refused when it is %j: a body has numbers', (limit) => {
    expect(parsed(limit).error?.issues).toEqual([expect.objectContaining({ path: ['limit'] })]);
  });

  it('is a number from 1 to 1,000, or left out', () => {
    expect([parsed(1), parsed(1_000), parsed()].map(({ data }) => data?.limit)).toEqual([1, 1_000, 100]);
  });
});
