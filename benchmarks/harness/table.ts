import type { Result } from './results.js';

/** A number as a person reads it: three digits that matter. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return `${Number(value.toPrecision(3))}`;
}

/** A result as a Markdown table. */
export function table({ points, unit, loadUnit }: Result): string {
  const extra = [...new Set(points.flatMap(({ figures }) => Object.keys(figures)))];
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
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
