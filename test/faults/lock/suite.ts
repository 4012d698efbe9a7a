import type { FaultSuite } from '../core/suite.js';
import { mutants } from './mutants.js';
import { randomRun } from './random-run.js';

export const lockFaults: FaultSuite = { role: 'lock', run: randomRun, mutants };
