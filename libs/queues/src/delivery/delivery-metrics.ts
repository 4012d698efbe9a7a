import { Injectable } from '@nestjs/common';
import { Durations } from '@syncline/redis';
import { exposeDurations, Metrics } from '@syncline/runtime';
import { Counter } from 'prom-client';

/** What this node delivers, in `/metrics`. */
@Injectable()
export class DeliveryMetrics {
  private readonly lateness = new Durations();
  private readonly redeliveries: Counter;

  constructor({ registry }: Metrics) {
    const { lateness } = this;
    exposeDurations(registry, {
      name: 'queue_delay_lateness_seconds',
      help: 'How late the timers of this node made delayed messages ready',
      read: () => [[{}, lateness]],
    });
    this.redeliveries = new Counter({
      name: 'queue_messages_redelivered_total',
      help: 'Messages that this node delivered after an earlier delivery had failed',
      registers: [registry],
    });
  }

  /** A delayed message became ready. @param lateMs after its time */
  delayEnded(lateMs: number): void {
    this.lateness.add(lateMs);
  }

  redelivered(): void {
    this.redeliveries.inc();
  }
}
