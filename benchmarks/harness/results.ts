import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

export const RESULTS = 'benchmarks/results';

/** Median of the rounds, and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One contestant at one load. Latencies are medians over the rounds, in milliseconds. */
export interface Point {
  readonly contestant: string;
  readonly load: number;
  readonly perSecond: Spread;
  /** Its median as a multiple of the first contestant's at the same load. */
  readonly ratio: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly figures: Readonly<Record<string, Spread>>;
}

export interface Result {
  readonly name: string;
  readonly question: string;
  readonly unit: string;
  readonly loadUnit: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Not measured, before the first round. Absent in results that had none. */
  readonly warmUp?: number;
  readonly caveats: readonly string[];
  readonly points: readonly Point[];
  readonly skipped: readonly { readonly contestant: string; readonly why: string }[];
  readonly at: string;
  /** The commit that was measured; `+` behind it: with changes that are not committed. */
  readonly commit: string;
  readonly machine: Readonly<Record<string, string | number>>;
}

const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' }).trim();

/** @param path of a checkout */
export function commit(path = '.'): string {
  const changed =
    run('git', '-C', path, 'status', '--porcelain', '--untracked-files=no', ':!benchmarks/results') !== '';
  return `${run('git', '-C', path, 'rev-parse', '--short=12', 'HEAD')}${changed ? '+' : ''}`;
}

export function machine(): Record<string, string | number> {
  const redis = run(process.env.REDIS_SERVER ?? 'redis-server', '--version');
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    redis: /v=(\S+)/.exec(redis)?.[1] ?? redis,
  };
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}

const fileOf = (name: string, extension: string) => join(RESULTS, `${name}.${extension}`);

async function write(name: string, extension: string, text: string): Promise<string> {
  const file = fileOf(name, extension);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

export const saveResult = (result: Result): Promise<string> =>
  write(result.name, 'json', `${JSON.stringify(result, null, 2)}\n`);

export const savePlot = (name: string, svg: string): Promise<string> => write(name, 'svg', `${svg}\n`);

export const loadResult = async (file: string): Promise<Result> => JSON.parse(await readFile(file, 'utf8'));
