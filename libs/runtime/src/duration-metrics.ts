import { BUCKETS_S, type Durations } from '@syncline/redis';
import { type Metric, type Registry } from 'prom-client';

/** What {@link exposeDurations} shows. */
export interface ShownDurations {
  readonly name: string;
  readonly help: string;
  /** Series with their labels. */
  readonly read: () => Iterable<readonly [labels: Readonly<Record<string, string>>, durations: Durations]>;
}

/** Shows durations as a histogram. They are read when the metrics are asked for. */
export function exposeDurations(registry: Registry, { name, help, read }: ShownDurations): void {
  const get = async () => {
    const values = [];
    for (const [labels, { counts, totalS }] of read()) {
      let sum = 0;
      for (const [i, count] of counts.entries()) {
        sum += count;
        const le = BUCKETS_S[i] ?? '+Inf';
        values.push({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: sum });
      }
      values.push({ metricName: `${name}_sum`, labels, value: totalS });
      values.push({ metricName: `${name}_count`, labels, value: sum });
    }
    return { name, help, type: 'histogram', values, aggregator: 'sum' };
  };
  registry.registerMetric({ name, get, reset: () => {} } as unknown as Metric);
}
