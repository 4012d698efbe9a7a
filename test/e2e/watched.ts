import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const DASHBOARDS = 'deploy/grafana/dashboards';

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

interface Dashboard {
  readonly panels: readonly { readonly targets?: readonly { expr: string; legendFormat: string }[] }[];
}

/** The alerts of deploy/prometheus. */
export const alerts: readonly Alert[] = parse(
  readFileSync('deploy/prometheus/rules.yml', 'utf8'),
).groups.flatMap(({ rules }: { rules: Alert[] }) => rules);

/** Whatever alerts and dashboards ask Prometheus, and the texts that show labels of the answer. */
export function questions(): readonly { readonly expr: string; readonly shown: string }[] {
  const dashboards = readdirSync(DASHBOARDS).map(
    (file): Dashboard => JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')),
  );
  const targets = dashboards.flatMap(({ panels }) => panels.flatMap((panel) => panel.targets ?? []));
  return [
    ...alerts.map(({ expr, annotations: { summary } }) => ({ expr, shown: summary })),
    ...targets.map(({ expr, legendFormat }) => ({
      // What Grafana fills in.
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$queue', '.*'),
      shown: legendFormat,
    })),
  ];
}

/** A selector of an expression: the name of the metric, and its matchers. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly matches: (value: string) => boolean }[];
}

const GROUPING = /\b(?:by|on)\s*\(([^)]*)\)/g;
const SELECTOR = /\b([a-z_][a-z0-9_]*)\b(?!\s*\()(?:\{([^}]*)\})?/gi;
const MATCHER = /(\w+)\s*(=~|!=|=)\s*"([^"]*)"/g;
const WORDS = new Set(['and', 'or', 'offset']);

/** The selectors of an expression. Enough of PromQL for those in deploy/. */
export function selectorsOf(expression: string): Selector[] {
  const bare = expression.replaceAll(GROUPING, '').replaceAll(/\[[^\]]*\]/g, '');
  return [...bare.matchAll(SELECTOR)]
    .filter(([, metric = '']) => !WORDS.has(metric))
    .map(([, metric = '', inner = '']) => ({
      metric,
      matchers: [...inner.matchAll(MATCHER)].map(([, label = '', operator, value = '']) => ({
        label,
        matches: (found: string) =>
          operator === '=~'
            ? new RegExp(`^(?:${value})$`).test(found)
            : (found === value) === (operator === '='),
      })),
    }));
}

/** The labels by which a question groups, or which its texts show. */
export const labelsOf = ({ expr, shown }: { readonly expr: string; readonly shown: string }): string[] => [
  ...[...expr.matchAll(GROUPING)].flatMap(([, labels = '']) => labels.split(/[\s,]+/).filter(Boolean)),
  ...[...shown.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)/g)].map(([, label = '']) => label),
];
