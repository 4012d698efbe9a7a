import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Benchmark } from './benchmark.js';
import { printIdle } from './idle.js';
import { isScenario, loadTest, SCENARIOS } from './load-test.js';
import { writeReport } from './report.js';
import { runBenchmark } from './run.js';

const NOT_BENCHMARKS = new Set(['harness', 'results', 'node_modules']);

/** Every benchmark there is: one file each, named after the question. */
const names = readdirSync('benchmarks', { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !NOT_BENCHMARKS.has(entry.name))
  .flatMap(({ name: folder }) =>
    readdirSync(join('benchmarks', folder))
      .filter((file) => file.endsWith('.bench.ts'))
      .map((file) => `${folder}/${file.slice(0, -'.bench.ts'.length)}`),
  );

const USAGE = `npm run bench -- NAME...  [--rounds N] [--seconds N] [--warm-up N] [--only PART,PART] [--against PATH,PATH]
    measures one question each and writes benchmarks/results/NAME.{json,svg}; "all" for every one of
    ${names.join(', ') || '(none yet)'}
npm run bench -- ${Object.keys(SCENARIOS).join('|')} --url URL  [--seconds N] [--connections N]
    puts load on nodes that run, of one role, and tells what they did; several URLs, comma-separated
npm run bench -- idle --url URL,URL,...  [--seconds N]
    processor and memory of nodes that nobody uses
npm run bench -- report
    writes every result there is to benchmarks/RESULTS.md`;

const OPTIONS = {
  allowPositionals: true,
  options: {
    help: { type: 'boolean' },
    url: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    'warm-up': { type: 'string' },
    connections: { type: 'string' },
    only: { type: 'string' },
    against: { type: 'string' },
  },
} as const;

function readArguments() {
  try {
    return parseArgs(OPTIONS);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return process.exit(2);
  }
}
const { values, positionals } = readArguments();
const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
const seconds = number(values.seconds);
const urls = values.url?.split(',');
const say = (line: string) => console.log(line);

async function measure(name: string, signal: AbortSignal): Promise<void> {
  const file = resolve('benchmarks', `${name}.bench.ts`);
  if (!existsSync(file)) throw new Error(`There is no benchmark ${name}.\n${USAGE}`);
  const { default: definition } = (await import(pathToFileURL(file).href)) as { default: Benchmark };
  const only = values.only?.split(',');
  const against = values.against?.split(',');
  const { rounds, 'warm-up': warmUp } = values;
  const options = { rounds: number(rounds), seconds, warmUp: number(warmUp), only, against, signal, say };
  await runBenchmark(name, definition, options);
}

/** Ctrl-C stops all that was started; pressed again, without waiting for it. */
async function measureAll(names: readonly string[]): Promise<void> {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      say('Stopping ...');
      process.once(name, () => process.exit(1));
      interrupted.abort(new Error(`Interrupted by ${name}`));
    });
  }
  try {
    for (const name of names) await measure(name, interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    process.exit(1);
  }
}

const what = values.help ? '' : (positionals[0] ?? '');
if (urls && isScenario(what)) {
  await loadTest(what, { urls, seconds, connections: number(values.connections), say });
} else if (urls && what === 'idle') {
  await printIdle(urls, { seconds, say });
} else if (what === 'report') {
  say(`Written to ${await writeReport()}`);
} else if (what === '') {
  say(USAGE);
} else {
  await measureAll(what === 'all' ? names : positionals);
}
