import { Injectable } from '@nestjs/common';
import {
  collectDefaultMetrics,
  type Metric,
  type MetricObject,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client';

/** The Prometheus registry of this process, with the default metrics of Node. Engines and the edge add their own. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** All of them as OpenMetrics: with exemplars, for which Prometheus' own text format has no place. */
  openMetrics(): Promise<string> {
    const open = new Registry<OpenMetricsContentType>();
    open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    for (const metric of this.registry.getMetricsAsArray()) open.registerMetric(asOpenMetric(metric));
    return open.metrics();
  }
}

/** A counter without the `_total` of its name, which its samples get: the registry would rename the metric itself. */
function asOpenMetric(registered: MetricObject): Metric {
  const metric = registered as unknown as Metric;
  const { name, type } = registered;
  // prom-client writes the type as text, though it declares numbers.
  if (String(type) !== 'counter') return metric;
  const get = async () => ({ ...(await metric.get()), name: name.replace(/_total$/, '') });
  return { name, get } as unknown as Metric;
}
