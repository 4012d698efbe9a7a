import { Injectable } from '@nestjs/common';
import { Metrics } from '@syncline/runtime';
import { Histogram } from 'prom-client';

/** Seconds. Fine steps for cache hits and locks, coarse steps for parked requests. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 600];

/** The histogram of this node's requests. */
@Injectable()
export class HttpMetrics {
  private readonly durations: Histogram<'method' | 'route' | 'status' | 'trace_id'>;

  constructor({ registry }: Metrics) {
    this.durations = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the first byte of a request to the end of its answer',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      enableExemplars: true,
      // prom-client refuses exemplars in a registry of Prometheus' text, which leaves them out.
      registers: [],
    });
    registry.registerMetric(this.durations);
  }

  /**
   * @param route     template of the route, not the path: one series for each route, however many names there are
   * @param elapsedMs from the start of the request to the end of its answer
   * @param traceId   an example of such requests: somebody keeps its trace
   */
  observe(method: string, route: string, status: number, elapsedMs: number, traceId?: string): void {
    const exemplar = traceId === undefined ? undefined : { exemplarLabels: { trace_id: traceId } };
    this.durations.observe({ labels: { method, route, status }, value: elapsedMs / 1_000, ...exemplar });
  }
}
