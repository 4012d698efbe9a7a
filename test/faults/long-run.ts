import { parseArgs } from 'node:util';
import { type FaultSuite, runThatBites } from './core/suite.js';

/** The suite of each role, loaded when it is asked for. */
const SUITES: Record<string, () => Promise<FaultSuite>> = {
  lock: async () => (await import('./lock/suite.js')).lockSuite,
  queue: async () => (await import('./queue/suite.js')).queueFaults,
  cache: async () => (await import('./cache/suite.js')).cacheFaults,
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
    .map(([, load]) => load()),
);
let failed = 0;
for (let run = 0; Date.now() < endsAt; run += 1) {
  for (const suite of suites) {
    const seed = Number(values.seed) + run;
    const { report } = await runThatBites(suite, { seed, durationMs: RUN_MS, dist: 'dist', log: () => {} });
    failed += report.violations.length;
    console.log(
      `${suite.role} seed ${seed}: ${report.violations.length} violations ${JSON.stringify(report.counts)}`,
    );
    for (const violation of report.violations) console.log(`  ${violation}`);
  }
}
console.log(failed === 0 ? 'Every rule held.' : `${failed} violations: replay a run by its seed.`);
process.exitCode = failed === 0 ? 0 : 1;
