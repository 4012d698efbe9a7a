import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import type { Benchmark, Contestant, Running } from './benchmark.js';
import { closedLoop, type Measurement } from './load.js';
import { Missing } from './missing.js';
import { plot } from './plot.js';
import { commit, machine, type Point, type Result, savePlot, saveResult, spread } from './results.js';
import { Stage } from './stage.js';
import { table } from './table.js';

/** Each contestant runs for this long, not measured, before the first round: compilers need thousands of calls. */
const WARM_UP_SECONDS = 6;

export interface RunOptions {
  readonly rounds?: number | undefined;
  readonly seconds?: number | undefined;
  /** Default 6. */
  readonly warmUp?: number | undefined;
  /** Contestants whose name contains one of these; default: all. */
  readonly only?: readonly string[] | undefined;
  /** Paths of other checkouts, built, to compare this one with. */
  readonly against?: readonly string[] | undefined;
  /** Ends the run early; what was started is stopped. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

interface Entrant {
  readonly name: string;
  readonly stage: Stage;
  readonly running: Running;
}

/** Rejects when the signal aborts, never resolves: raced with whatever takes time. */
async function interruption(signal: AbortSignal): Promise<never> {
  await once(signal, 'abort');
  throw signal.reason;
}

async function enter(contestant: Contestant, interrupted: Promise<never>): Promise<Entrant | Missing> {
  const stage = new Stage();
  try {
    return {
      name: contestant.name,
      stage,
      running: await Promise.race([contestant.start(stage), interrupted]),
    };
  } catch (error) {
    await stage.stop();
    if (error instanceof Missing) return error;
    throw error;
  }
}

async function measure({ running, stage }: Entrant, load: number, seconds: number): Promise<Measurement> {
  await running.prepare?.(load);
  const probe = stage.probe();
  try {
    const before = await probe.read();
    const measured = await ('measure' in running
      ? running.measure(load, seconds)
      : closedLoop(load, seconds, running.operation));
    // The probe counts all operations, those of the warm-up too.
    const costs = await probe.since(before, measured.performed ?? measured.operations);
    return { ...measured, figures: { ...costs, ...measured.figures } };
  } finally {
    probe.close();
  }
}

function toPoint(contestant: string, load: number, rounds: readonly Measurement[]): Omit<Point, 'ratio'> {
  const median = (of: (round: Measurement) => number) => spread(rounds.map(of)).median;
  const names = Object.keys(rounds[0]?.figures ?? {});
  return {
    contestant,
    load,
    perSecond: spread(rounds.map(({ operations, seconds }) => operations / seconds)),
    latencyMs: {
      p50: median(({ latencies }) => latencies.percentile(50)),
      p99: median(({ latencies }) => latencies.percentile(99)),
      max: median(({ latencies }) => latencies.max),
    },
    figures: Object.fromEntries(
      names.map((name) => [name, spread(rounds.map(({ figures }) => figures?.[name] ?? Number.NaN))]),
    ),
  };
}

function contestantsOf(definition: Benchmark, against: readonly string[] = []): Contestant[] {
  const others = against.map((path) => {
    if (!definition.against) throw new Error('This question does not compare checkouts.');
    return definition.against({ path, commit: commit(path) });
  });
  return [...others, ...definition.contestants];
}

/**
 * Runs a benchmark: sets all contestants up, lets them take turns round by round (in another order each round, so
 * that none always follows the same one), and writes medians, spread and plot to `benchmarks/results/<name>`.
 */
export async function runBenchmark(
  name: string,
  definition: Benchmark,
  options: RunOptions,
): Promise<Result> {
  const { question, unit, loads = [1], loadUnit = 'in flight', caveats = [] } = definition;
  const rounds = options.rounds ?? definition.rounds ?? 5;
  const seconds = options.seconds ?? definition.seconds ?? 2;
  const { say } = options;
  const interrupted = interruption(options.signal);
  say(`${name}: ${question}`);
  const [loadBefore = 0] = loadavg();
  if (loadBefore > cpus().length / 2) {
    say(`  The machine is busy (load ${loadBefore.toFixed(1)}): these figures will not be worth much.`);
  }

  const skipped: { contestant: string; why: string }[] = [];
  const entrants: Entrant[] = [];
  try {
    for (const contestant of contestantsOf(definition, options.against)) {
      if (options.only && !options.only.some((part) => contestant.name.includes(part))) continue;
      const entered = await enter(contestant, interrupted);
      if (entered instanceof Missing) {
        say(`  skipped ${contestant.name}: ${entered.message}`);
        skipped.push({ contestant: contestant.name, why: entered.message });
      } else entrants.push(entered);
    }
    const warmUp = options.warmUp ?? WARM_UP_SECONDS;
    for (const entrant of warmUp > 0 ? entrants : []) {
      say(`  warming up ${entrant.name}`);
      await Promise.race([measure(entrant, loads[loads.length - 1] ?? 1, warmUp), interrupted]);
    }
    const measured = new Map<string, Measurement[]>();
    for (let round = 0; round < rounds; round += 1) {
      const first = round % Math.max(1, entrants.length);
      for (const entrant of [...entrants.slice(first), ...entrants.slice(0, first)]) {
        for (const load of loads) {
          const measurement = await Promise.race([measure(entrant, load, seconds), interrupted]);
          const key = JSON.stringify([entrant.name, load]);
          measured.set(key, [...(measured.get(key) ?? []), measurement]);
          const rate = Math.round(measurement.operations / measurement.seconds);
          say(`  round ${round + 1}/${rounds}  ${entrant.name}, ${load} ${loadUnit}: ${rate} ${unit}`);
        }
      }
    }
    const bare = entrants.flatMap((entrant) =>
      loads.map((load) =>
        toPoint(entrant.name, load, measured.get(JSON.stringify([entrant.name, load])) ?? []),
      ),
    );
    const points = bare.map((point) => {
      const base = bare.find(({ load }) => load === point.load)?.perSecond.median ?? Number.NaN;
      return { ...point, ratio: point.perSecond.median / base };
    });
    const result: Result = {
      name,
      question,
      unit,
      loadUnit,
      rounds,
      seconds,
      warmUp,
      caveats,
      points,
      skipped,
      at: new Date().toISOString(),
      commit: commit(),
      machine: { ...machine(), loadBefore: Number(loadBefore.toFixed(2)) },
    };
    say(`\n${table(result)}\n`);
    say(`Written to ${await saveResult(result)} and ${await savePlot(name, await plot(result))}`);
    return result;
  } finally {
    for (const { running, stage } of entrants) {
      await running.stop?.();
      await stage.stop();
    }
  }
}
