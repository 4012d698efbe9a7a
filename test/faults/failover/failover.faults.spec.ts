import { buildMutant } from '../core/mutant.js';
import { UNDONE } from './history.js';
import { failOver } from './run.js';

const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const options = { seed, durationMs: 3_000, dist: 'dist', log: () => {} };

const holdsNothing = {
  name: 'what was sent is not held',
  file: 'libs/queues/src/recovery/queue-memory.js',
  find: 'this.held.push(batch);',
  replace: '',
};

describe(`failovers to the best replica, seed ${seed}`, () => {
  it('lose nothing that was acknowledged at replicated', async () => {
    const { violations, counts } = await failOver('replicated', options);
    expect(violations).toEqual([]);
    expect(counts.failovers).toBeGreaterThan(0);
  });

  it('lose no send at local either: nodes hold what a replica may lack', async () => {
    const { violations } = await failOver('local', { ...options, durationMs: 1 });
    expect(violations.filter((each) => !each.endsWith(UNDONE))).toEqual([]);
  });

  it('lose what was acknowledged where nodes hold nothing, which this test notices', async () => {
    const { dist, remove } = await buildMutant('queue', holdsNothing);
    try {
      // In a single failover all that was lost may have been acknowledged by its receivers as well.
      const { violations } = await failOver('local', { ...options, dist, durationMs: 8_000 });
      expect(violations.filter((each) => each.endsWith('was acknowledged and is lost'))).not.toEqual([]);
    } finally {
      await remove();
    }
  });
});
