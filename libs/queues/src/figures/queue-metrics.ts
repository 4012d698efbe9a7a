import { Injectable } from '@nestjs/common';
import { Metrics } from '@syncline/runtime';
import { Counter, Gauge } from 'prom-client';
import type { Sample } from './figures.js';
import { FiguresService } from './figures.service.js';

const STATES = { ready: 'ready', delayed: 'delayed', in_flight: 'inFlight', dead: 'dead' } as const;
const COUNTS = {
  sent: 'Messages that were sent',
  received: 'Deliveries that were received',
  acked: 'Messages that were acknowledged, or moved away by a redrive',
  failed: 'Deliveries that were rejected, or whose visibility timeout ended',
  expired: 'Messages that were removed by their TTL, the retention, a purge or a cancel',
} as const;
const OTHERS = 'other';
const OWNED = 'of the queues that this node owns on the ring, as of the last 10 s';

/** What queues hold, by name. Scraping costs Redis nothing: it shows the last samples. */
@Injectable()
export class QueueMetrics {
  constructor(
    private readonly figures: FiguresService,
    { registry }: Metrics,
  ) {
    const gauge = (name: string, help: string, read: (sample: Sample) => number) =>
      this.show(
        new Gauge({
          name,
          help: `${help}, ${OWNED}`,
          labelNames: ['queue'],
          registers: [registry],
        }),
        (own, queue, sample) => own.set({ queue }, read(sample)),
      );
    this.show(
      new Gauge({
        name: 'queue_messages',
        help: `Messages by state, ${OWNED}`,
        labelNames: ['queue', 'state'],
        registers: [registry],
      }),
      (own, queue, sample) => {
        for (const [state, name] of Object.entries(STATES)) own.set({ queue, state }, sample[name]);
      },
    );
    gauge('queue_bytes', 'Stored size of messages', ({ bytes }) => bytes);
    gauge(
      'queue_oldest_ready_age_seconds',
      'Age of the oldest message that is ready',
      ({ oldestReadyAgeMs }) => oldestReadyAgeMs / 1_000,
    );
    for (const [count, help] of Object.entries(COUNTS)) {
      this.show(
        new Counter({
          name: `queue_${count}_total`,
          help: `${help}, ${OWNED}`,
          labelNames: ['queue'],
          registers: [registry],
        }),
        (own, queue, sample) => own.inc({ queue }, sample[count as keyof typeof COUNTS]),
      );
    }
  }

  /** Has a metric made anew from the last samples at each scrape. */
  private show<Metric extends Gauge<'queue' | 'state'> | Counter<'queue'> | Gauge<'queue'>>(
    metric: Metric,
    add: (metric: Metric, queue: string, sample: Sample) => void,
  ): void {
    const { figures } = this;
    Object.assign(metric, {
      collect() {
        metric.reset();
        for (const [queue, sample] of figures.latest()) add(metric, queue ?? OTHERS, sample);
      },
    });
  }
}
