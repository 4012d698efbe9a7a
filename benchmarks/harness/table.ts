import type { Result, Spread } from './results.js';

/** A number as a person reads it: three digits that matter. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return `${Number(value.toPrecision(3))}`;
}

const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const lines = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');

const medianAndLowest = (spread: Spread | undefined): string =>
  spread && Number.isFinite(spread.median) ? `${figure(spread.median)} (${figure(spread.min)})` : '-';

/** More figures than this stand in a table of their own, one line each: median and lowest of the rounds. */
const MOST_COLUMNS = 12;

/** A result as a Markdown table, or as two. */
export function table({ points, unit, loadUnit }: Result): string {
  const names = [...new Set(points.flatMap(({ figures }) => Object.keys(figures)))];
  const extra = names.length > MOST_COLUMNS ? [] : names;
  const head = ['', loadUnit, unit, 'spread', 'ratio', 'p50 ms', 'p99 ms', 'longest ms', ...extra];
  const rows = points.map(({ contestant, load, perSecond, ratio, latencyMs, figures }) => [
    contestant,
    `${load}`,
    figure(perSecond.median),
    `${figure(perSecond.min)}..${figure(perSecond.max)}`,
    figure(ratio),
    figure(latencyMs.p50),
    figure(latencyMs.p99),
    figure(latencyMs.max),
    ...extra.map((name) => figure(figures[name]?.median ?? Number.NaN)),
  ]);
  if (extra.length === names.length) return lines(head, rows);
  const byLoad = [...points].sort((a, b) => a.load - b.load);
  const figureRows = names.map((name) => [
    name,
    ...byLoad.map(({ figures: { [name]: spread } }) => medianAndLowest(spread)),
  ]);
  const heads = byLoad.map(({ contestant, load }) => `${contestant}, ${load} ${loadUnit}`);
  return [lines(head, rows), lines(['', ...heads], figureRows)].join('\n\n');
}
