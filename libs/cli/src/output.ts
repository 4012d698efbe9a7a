import Table from 'cli-table3';

/** More than a person reads; `--json` has them all. */
const MOST_ROWS = 1_000;

/** Waits until it is written, so that what follows happens only when it arrived. @throws EPIPE when nobody reads */
export function write(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

export const writeLine = (line: string): Promise<void> => write(`${visible(line)}\n`);

export const writeJson = (value: unknown): Promise<void> => write(`${JSON.stringify(value)}\n`);

/** A word to the person at the terminal, beside the output. */
export function say(line: string): void {
  process.stderr.write(`syncline: ${visible(line)}\n`);
}

export type Row = readonly (string | number)[];

/** Columns under their heads, numbers to the right. */
export function tableOf(heads: readonly string[], rows: readonly Row[]): string {
  const [first = []] = rows;
  const table = new Table({
    head: [...heads],
    colAligns: heads.map((_, i) => (typeof first[i] === 'number' ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    chars: NO_BORDERS,
  });
  table.push(...rows.map((row) => row.map((cell) => visible(String(cell)))));
  return table
    .toString()
    .split('\n')
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** Writes a listing as it comes: an array of JSON, or a table for people. */
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
    if (rows.length === MOST_ROWS) {
      say(`only the first ${MOST_ROWS} are shown; --json writes all.`);
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
  /** Said when there is none. */
  readonly none: string;
}

/** Without characters that would steer the terminal: names and owners are anybody's text. */
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
