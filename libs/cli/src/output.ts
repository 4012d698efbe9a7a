import { styleText } from 'node:util';
import Table from 'cli-table3';

/** Rows in a table. `--json` prints all of them. */
const MAX_ROWS = 1_000;

/** Resolves when the data is written, so that a caller can acknowledge after that. @throws EPIPE when nobody reads */
export function write(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

export const writeLine = (line: string): Promise<void> => write(`${visible(line)}\n`);

export const writeJson = (value: unknown): Promise<void> => write(`${JSON.stringify(value)}\n`);

/** Prints a message to stderr. */
export function say(line: string): void {
  process.stderr.write(`${coloured('red', 'syncline:', process.stderr)} ${visible(line)}\n`);
}

export type Row = readonly (string | number)[];

/** A table with column heads; numbers are aligned to the right. */
export function tableOf(heads: readonly string[], rows: readonly Row[]): string {
  const [first = []] = rows;
  const table = new Table({
    head: heads.map((head) => coloured('bold', head)),
    colAligns: heads.map((_, i) => (typeof first[i] === 'number' ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    chars: NO_BORDERS,
  });
  table.push(...rows.map((row) => row.map((cell) => inColour(visible(String(cell))))));
  return table
    .toString()
    .split('\n')
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** Prints a listing as a JSON array or as a table. */
export async function writeAll<Item>(
  items: AsyncIterable<Item>,
  { json, heads, row, none }: Listing<Item>,
): Promise<void> {
  if (json) {
    let separator = '[';
    for await (const item of items) {
      await write(`${separator}\n${JSON.stringify(item)}`);
      separator = ',';
    }
    await write(separator === '[' ? '[]\n' : '\n]\n');
    return;
  }
  const rows: Row[] = [];
  for await (const item of items) {
    if (rows.length === MAX_ROWS) {
      say(`only the first ${MAX_ROWS} are shown; --json prints all.`);
      break;
    }
    rows.push(row(item));
  }
  if (rows.length === 0) say(none);
  else await write(tableOf(heads, rows));
}

export interface Listing<Item> {
  readonly json: boolean | undefined;
  readonly heads: readonly string[];
  readonly row: (item: Item) => Row;
  /** Printed when the listing is empty. */
  readonly none: string;
}

/** Words for states that a reader looks for. */
const COLOURS: Readonly<Record<string, Parameters<typeof styleText>[0]>> = {
  alive: 'green',
  acked: 'green',
  ready: 'green',
  open: 'green',
  suspect: 'yellow',
  paused: 'yellow',
  delayed: 'yellow',
  left: 'red',
  dead: 'red',
  stale: 'red',
};

function inColour(cell: string): string {
  const colour = Object.hasOwn(COLOURS, cell) ? COLOURS[cell] : undefined;
  return colour === undefined ? cell : coloured(colour, cell);
}

/** In colour on a terminal only, and not with NO_COLOR. */
const coloured = (
  colour: Parameters<typeof styleText>[0],
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string => styleText(colour, text, { stream });

/** Escapes control characters: names and owners come from others and must not control the terminal. */
export const visible = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};
