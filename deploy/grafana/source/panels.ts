import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanelBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesPanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** Whoever imports a dashboard chooses the Prometheus. */
const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

/** What a panel shows: PromQL by its legend. */
type Queries = Readonly<Record<string, string>>;

const targets = (queries: Queries) =>
  Object.entries(queries).map(([legend, expr], i) =>
    new DataqueryBuilder().refId(`${i}`).expr(expr).legendFormat(legend).datasource(DATASOURCE),
  );

/** Lines over time: half of a row. @param unit of Grafana, such as `s`, `ops`, `bytes` */
export const chart = (title: string, unit: string, queries: Queries, description = ''): Builder<Panel> =>
  new TimeSeriesPanelBuilder()
    .title(title)
    .description(description)
    .unit(unit)
    .min(0)
    .span(12)
    .height(8)
    .datasource(DATASOURCE)
    .targets(targets(queries));

/** The last values as numbers: a quarter of a row. */
export const figure = (title: string, unit: string, queries: Queries, description = ''): Builder<Panel> =>
  new StatPanelBuilder()
    .title(title)
    .description(description)
    .unit(unit)
    .span(6)
    .height(4)
    .datasource(DATASOURCE)
    .targets(targets(queries));

/** Per second. */
export const rate = (selector: string) => `rate(${selector}[$__rate_interval])`;
/** In the time that a point of the chart stands for. */
export const increase = (selector: string) => `increase(${selector}[$__rate_interval])`;
/** @param by labels beside `le`, such as `script` */
export const quantile = (q: number, histogram: string, by = '') =>
  `histogram_quantile(${q}, sum by (le${by && `, ${by}`}) (${rate(`${histogram}_bucket`)}))`;
/** Median and 99th percentile. */
export const quantiles = (histogram: string) => ({
  median: quantile(0.5, histogram),
  '99th percentile': quantile(0.99, histogram),
});

/** @param rows panels by the title of their row */
export function dashboard(
  uid: string,
  title: string,
  rows: Readonly<Record<string, readonly Builder<Panel>[]>>,
  { variables = [] }: { readonly variables?: readonly QueryVariableBuilder[] } = {},
): DashboardBuilder {
  const made = new DashboardBuilder(title)
    .uid(uid)
    .tags(['syncline'])
    .readonly()
    .refresh('10s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .link(new DashboardLinkBuilder('Syncline').type(DashboardLinkType.Dashboards).tags(['syncline']))
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'));
  for (const variable of variables) made.withVariable(variable);
  for (const [row, panels] of Object.entries(rows)) {
    made.withRow(new RowBuilder(row));
    for (const panel of panels) made.withPanel(panel);
  }
  return made;
}

/** The values of a label, some of which can be chosen. */
export const choice = (label: string, metric: string) =>
  new QueryVariableBuilder(label)
    .query(`label_values(${metric}, ${label})`)
    .datasource(DATASOURCE)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .allValue('.*');
