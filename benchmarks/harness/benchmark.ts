import type { Measurement, Operation } from './load.js';
import type { Stage } from './stage.js';

/** One question, answered by the same load on each contestant, in rounds that take turns. */
export interface Benchmark {
  /** What a reader wants to know, as a question. */
  readonly question: string;
  /** What is counted, as in `cycles/s`. */
  readonly unit: string;
  /** How much load, at each point of the plot; passed to {@link Running.measure}. Default: one point, `[1]`. */
  readonly loads?: readonly number[];
  /** What the load counts, as in `in flight`. Default: `in flight`. */
  readonly loadUnit?: string;
  /** Rounds of all contestants at all loads. Default: 5. */
  readonly rounds?: number;
  /** Time that is measured per contestant, load and round, after a warm-up. Default: 2. */
  readonly seconds?: number;
  /** The first one is what the others are compared with. */
  readonly contestants: readonly Contestant[];
  /** Another checkout of Syncline as a contestant, for `--against`: then the others are compared with the first of these. */
  against?(checkout: Checkout): Contestant;
  /** What a reader must know before comparing, a sentence each: durability, fairness, what is left out. */
  readonly caveats?: readonly string[];
}

/** A checkout that was built. */
export interface Checkout {
  /** Where it lies. */
  readonly path: string;
  readonly commit: string;
}

export interface Contestant {
  readonly name: string;
  /**
   * Sets the contestant up, once. What it starts by `stage` is stopped for it. A {@link Missing} thrown here
   * leaves it out, with a line that says what to install.
   */
  start(stage: Stage): Promise<Running>;
}

export type Running = (Repeated | SelfMeasured) & Surroundings;

interface Repeated {
  /** The harness keeps as many running as the load says, `worker` counting from 0. */
  readonly operation: Operation;
}

interface SelfMeasured {
  /** Measures by itself, for what is not a loop of one call. */
  measure(load: number, seconds: number): Promise<Measurement>;
}

interface Surroundings {
  /** Before each measurement, not measured: an empty queue, a filled cache. */
  prepare?(load: number): Promise<unknown>;
  /** Closes what the contestant opened itself. */
  stop?(): Promise<unknown>;
}

/** Declares a benchmark; the file's path under `benchmarks/` is its name. */
export const benchmark = (definition: Benchmark): Benchmark => definition;
