import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Change } from './changes.js';
import { type ClientOptions, type Clients, withOutput } from './clients.js';
import type { Declarations } from './declarations.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { inputOf } from './input.js';
import { say, writeJson, writeLine } from './output.js';

/** Most faults that are told. */
const MAX_FAULTS = 20;

interface ApplyOptions extends ClientOptions {
  readonly file: readonly string[];
  readonly dryRun?: boolean;
}

/** Loaded when they are needed, because the rules of files take as long to load as all the rest. */
const rules = async () => ({ ...(await import('./declarations.js')), ...(await import('./changes.js')) });

/** Adds the command that makes queues and schedules as files declare them. */
export function addApplyCommand(program: Command, clients: Clients): void {
  withOutput(
    program
      .command('apply')
      .description('make queues and schedules as files declare them; others stay as they are')
      .requiredOption('-f, --file <files...>', 'files of YAML or JSON; - is stdin')
      .option('--dry-run', 'only show what differs; exits with 1 when something does'),
  ).action(async ({ file, dryRun = false, ...options }: ApplyOptions) => {
    const { Declarations, changesTo } = await rules();
    const declared = await read(file, new Declarations());
    const changes = await changesTo(await clients.queue(options), declared);
    const unchanged = declared.queues.size + declared.schedules.size - changes.length;
    if (!options.json) for (const line of linesOf(changes, unchanged)) await writeLine(line);
    let made = 0;
    try {
      if (!dryRun) for (; made < changes.length; made += 1) await changes[made]?.make();
    } catch (error) {
      say(`applied: ${namesOf(changes.slice(0, made))}; not applied: ${namesOf(changes.slice(made))}`);
      say('apply the files again when this is mended; what is applied already is found unchanged.');
      throw error;
    } finally {
      if (options.json) {
        await writeJson({ changes: changes.map((each, i) => ({ ...each, applied: i < made })), unchanged });
      }
    }
    if (dryRun) process.exitCode = changes.length > 0 ? EXIT.failure : EXIT.ok;
    else if (!options.json && made > 0) await writeLine(`Applied ${made}.`);
  });
}

/** @throws {Failure} a file cannot be read, or anything in one is wrong */
async function read(files: readonly string[], declared: Declarations): Promise<Declarations> {
  for (const file of files) declared.add(file, await textOf(file));
  const { faults } = declared;
  if (faults.length === 0) return declared;
  for (const fault of faults.slice(0, MAX_FAULTS)) say(fault);
  if (faults.length > MAX_FAULTS) say(`and ${faults.length - MAX_FAULTS} more`);
  throw new Failure('nothing was applied', EXIT.usage);
}

async function textOf(file: string): Promise<string> {
  if (file === '-') return String(await inputOf(file));
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Failure(`${file}: ${(error as Error).message}`, EXIT.usage);
  }
}

const labelOf = ({ kind, name }: Change) => `${kind} ${name}`;
const namesOf = (changes: readonly Change[]) => changes.map(labelOf).join(', ') || 'none';

function linesOf(changes: readonly Change[], unchanged: number): string[] {
  const added = changes.filter(({ isNew }) => isNew).length;
  return [
    ...changes.flatMap((change) => [
      `${change.isNew ? '+' : '~'} ${labelOf(change)}`,
      ...change.fields.map(({ field, from, to }) =>
        change.isNew ? `    ${field}: ${inJson(to)}` : `    ${field}: ${inJson(from)} -> ${inJson(to)}`,
      ),
    ]),
    `${added} new, ${changes.length - added} changed, ${unchanged} unchanged.`,
  ];
}

const inJson = (value: unknown) => (value === undefined ? '-' : JSON.stringify(value));
