import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** Seconds. Fine around a cache hit and a lock, coarse where requests park. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 600];

/** The node's Prometheus registry, with the process's own figures and a histogram of its requests. */
@Injectable()
export class HttpMetrics {
  readonly registry = new Registry();
  private readonly durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: BUCKETS,
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /**
   * @param route     template of the route, not the path: one series a route, however many names there are
   * @param elapsedMs from the start of the request to the end of its answer
   */
  observe(method: string, route: string, status: number, elapsedMs: number): void {
    this.durations.observe({ method, route, status }, elapsedMs / 1_000);
  }
}
