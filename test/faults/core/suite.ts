import type { Role } from '@syncline/contracts';
import { brokenText, buildMutant, type Mutant } from './mutant.js';
import { SideBySide } from './side-by-side.js';

export interface RunOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Folder with the built apps; that of a mutant, or `dist`. */
  readonly dist: string;
  readonly log: (line: string) => void;
}

/** The faults of a run had no visible effect, so the run proves nothing. It is repeated with the next seed. */
export class FaultsDidNotBite extends Error {
  override readonly name = 'FaultsDidNotBite';
}

export interface RunReport {
  /** The violations of rules, described for a person. Empty: all rules held. */
  readonly violations: readonly string[];
  /** Counts of the run: operations, outcomes, and how often each fault had an effect. */
  readonly counts: Readonly<Record<string, number>>;
}

/** The fault tests of one service. */
export interface FaultSuite {
  readonly role: Role;
  /**
   * Runs traffic under random faults, then every check.
   *
   * @throws FaultsDidNotBite when the faults had no effect: such a run does not count
   */
  run(options: RunOptions): Promise<RunReport>;
  /** Each mutant, with the shortest run that detects it (default: the random run). */
  readonly mutants: readonly (Mutant & { readonly run?: (options: RunOptions) => Promise<RunReport> })[];
}

const FAST_RUN_MS = 8_000;
const MUTANT_RUN_MS = 6_000;
/** A mutant may survive one run by luck; a sound suite detects it in a few. */
const MUTANT_TRIES = 3;
/** The faults of a short run may have no effect by luck; if that repeats, the suite is broken. */
const BITE_TRIES = 3;
const SUITE_TIMEOUT_MS = 90_000;
/** Each run has its own Redis and nodes, and spends much of its time waiting. */
const AT_A_TIME = 2;

/** All of them take ten minutes: a run has every fourth, others by its seed; `npm run test:mutants` has all. */
const SHARES = process.env.FAULT_MUTANTS === 'all' ? 1 : 4;

/** Of all runs of a suite, so that those of one that failed can be had again. */
const SEED = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** Runs with one seed after the other until the faults have an effect, longer each time. */
export async function runThatBites(suite: FaultSuite, options: RunOptions) {
  for (let { seed } = options; ; seed += 1) {
    try {
      const durationMs = options.durationMs * (1 + seed - options.seed);
      return { seed, report: await suite.run({ ...options, seed, durationMs }) };
    } catch (error) {
      if (!(error instanceof FaultsDidNotBite) || seed - options.seed >= BITE_TRIES) throw error;
      options.log(`seed ${seed}: ${error.message}`);
    }
  }
}

/** Runs a mutant until a violation is found. Returns the violations. */
async function violationsOf(suite: FaultSuite, mutant: FaultSuite['mutants'][number]) {
  const { dist, remove } = await buildMutant(suite.role, mutant);
  try {
    const run = mutant.run ?? suite.run;
    for (let attempt = 0; attempt < MUTANT_TRIES; attempt += 1) {
      const options = { seed: SEED + attempt, durationMs: MUTANT_RUN_MS, dist, log: () => {} };
      const { violations } = await run(options);
      if (violations.length > 0) return violations;
    }
    return [];
  } finally {
    await remove();
  }
}

/** Runs the product until the faults have an effect. Throws what it broke, and how to see that again. */
async function keepsEveryRule(suite: FaultSuite): Promise<void> {
  const lines: string[] = [];
  const { report } = await runThatBites(suite, {
    seed: SEED,
    durationMs: FAST_RUN_MS,
    dist: 'dist',
    log: (line) => lines.push(line),
  });
  if (report.violations.length === 0) return;
  const replay = `FAULT_SEED=${SEED} npm test -- test/faults/${suite.role}`;
  throw new Error([...report.violations, '', ...lines, '', `Replay: ${replay}`].join('\n'));
}

/** Declares the tests of a suite: the product holds under faults, and mutants are caught. */
export function describeFaults(suite: FaultSuite): void {
  describe(`${suite.role} nodes under faults`, () => {
    it('keep every rule', () => keepsEveryRule(suite), SUITE_TIMEOUT_MS * BITE_TRIES);

    it('can have each rule broken', async () => {
      for (const mutant of suite.mutants) await brokenText(suite.role, mutant);
    });

    const mutants = suite.mutants.filter((_, i) => i % SHARES === SEED % SHARES);
    describe(`notice the broken rule, FAULT_SEED=${SEED}:`, () => {
      const side = new SideBySide(AT_A_TIME);
      let noticed: ReturnType<typeof violationsOf>[];
      beforeAll(() => {
        noticed = mutants.map((mutant) => side.run(() => violationsOf(suite, mutant)));
      });
      afterAll(() => side.end(), SUITE_TIMEOUT_MS);

      it.each(mutants.map(({ name }, index) => ({ name, index })))(
        '$name',
        async ({ index }) => {
          expect((await noticed[index])?.length).toBeGreaterThan(0);
        },
        SUITE_TIMEOUT_MS * MUTANT_TRIES,
      );
    });
  });
}
