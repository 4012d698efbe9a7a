import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadResult, RESULTS, type Result } from './results.js';
import { table } from './table.js';

const FILE = 'benchmarks/RESULTS.md';

function section(result: Result): string {
  const machine = Object.entries(result.machine)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
  return [
    `## ${result.name}`,
    `${result.question}`,
    `![${result.question}](results/${result.name}.svg)`,
    table(result),
    [...result.caveats, ...result.skipped.map(({ contestant, why }) => `Left out: ${contestant} (${why}).`)]
      .map((line) => `- ${line}`)
      .join('\n'),
    `Medians of ${result.rounds} rounds of ${result.seconds} s${result.warmUp ? ` after ${result.warmUp} s of warm-up` : ''}, ${result.at.slice(0, 10)}, commit ${result.commit}; ${machine}.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Writes every result there is into one page. Returns its path. */
export async function writeReport(): Promise<string> {
  if (!existsSync(RESULTS)) throw new Error(`There are no results in ${RESULTS} yet.`);
  const files = readdirSync(RESULTS, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.json'),
  );
  const results = await Promise.all(files.sort().map((file) => loadResult(join(RESULTS, file))));
  const intro =
    '# Results\n\nWritten by `npm run bench -- report`; how they came about is told in README.md.';
  await writeFile(FILE, `${[intro, ...results.map(section)].join('\n\n')}\n`);
  return FILE;
}
