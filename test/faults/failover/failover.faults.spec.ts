import { failOver } from './run.js';

const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const options = { seed, durationMs: 3_000, dist: 'dist', log: () => {} };

describe(`failovers to the best replica, seed ${seed}`, () => {
  it('lose nothing that was acknowledged at replicated', async () => {
    const { violations, counts } = await failOver('replicated', options);
    expect(violations).toEqual([]);
    expect(counts.failovers).toBeGreaterThan(0);
  });

  it('lose what was acknowledged at local, which this test notices', async () => {
    const { violations } = await failOver('local', { ...options, durationMs: 1 });
    expect(violations.length).toBeGreaterThan(0);
  });
});
