import { describeFaults } from '../core/suite.js';
import { scenarios } from './scenarios.js';
import { lockSuite } from './suite.js';

describeFaults(lockSuite);

describe('the stories by which broken rules are noticed', () => {
  it.each(Object.entries(scenarios))('end well where nothing is broken: %s', async (_name, run) => {
    const { violations } = await run({ seed: 1, durationMs: 0, dist: 'dist', log: () => {} });
    expect(violations).toEqual([]);
  });
});
