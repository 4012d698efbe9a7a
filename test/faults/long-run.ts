import { parseArgs } from 'node:util';
import { type FaultSuite, FaultsDidNotBite } from './core/suite.js';

/** What runs for each role, and for failovers of Redis; loaded on demand. */
const SUITES: Record<string, () => Promise<Pick<FaultSuite, 'run'>>> = {
  lock: async () => (await import('./lock/suite.js')).lockFaults,
  queue: async () => (await import('./queue/suite.js')).queueFaults,
  cache: async () => (await import('./cache/suite.js')).cacheFaults,
  'cache-on-cluster': async () => {
    const { randomRunOnCluster } = await import('./cache/random-run-on-cluster.js');
    return { run: randomRunOnCluster };
  },
  failover: async () => {
    const { failOver } = await import('./failover/run.js');
    return { run: (options) => failOver('replicated', options) };
  },
};
const RUN_MS = 20_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: `${Math.floor(Math.random() * 2 ** 31)}` },
    role: { type: 'string' },
  },
});

const endsAt = Date.now() + Number(values.minutes) * 60_000;
const suites = await Promise.all(
  Object.entries(SUITES)
    .filter(([role]) => values.role === undefined || role === values.role)
    .map(async ([role, load]) => ({ role, ...(await load()) })),
);
let failed = 0;
let counted = 0;
for (let run = 0; Date.now() < endsAt; run += 1) {
  for (const suite of suites) {
    const seed = Number(values.seed) + run;
    try {
      const { violations, counts } = await suite.run({
        seed,
        durationMs: RUN_MS,
        dist: 'dist',
        log: () => {},
      });
      failed += violations.length;
      counted += 1;
      console.log(`${suite.role} seed ${seed}: ${violations.length} violations ${JSON.stringify(counts)}`);
      for (const violation of violations) console.log(`  ${violation}`);
    } catch (error) {
      if (!(error instanceof FaultsDidNotBite)) throw error;
      console.log(`${suite.role} seed ${seed}: does not count. ${error.message}`);
    }
  }
}
console.log(
  `${counted} runs: ${failed === 0 ? 'every rule held.' : `${failed} violations; replay a run by its seed.`}`,
);
process.exitCode = failed === 0 && counted > 0 ? 0 : 1;
