import { Injectable } from '@nestjs/common';
import { Durations } from '@syncline/redis';
import { exposeDurations, Metrics } from '@syncline/runtime';
import { Counter, Gauge } from 'prom-client';
import { Memory } from '../recovery/memory.js';
import { Waits } from '../waiting/waits.js';
import type { Grant } from './lease.js';

/** The locks and semaphores of this node in `/metrics`: no name, owner or key is a label. */
@Injectable()
export class LockMetrics {
  private grants = 0;
  private readonly waited = new Durations();

  constructor(memory: Memory, waits: Waits, { registry }: Metrics) {
    const { waited } = this;
    const grants = () => this.grants;
    new Counter({
      name: 'lock_grants_total',
      help: 'Leases of locks and semaphores that this node granted to its clients',
      registers: [registry],
      collect() {
        this.reset();
        this.inc(grants());
      },
    });
    new Gauge({
      name: 'lock_leases_held',
      help: 'Leases that this node granted and that have not ended, as far as it knows',
      registers: [registry],
      collect() {
        this.set(memory.leases);
      },
    });
    new Gauge({
      name: 'lock_requests_waiting',
      help: 'Requests that wait on this node for a lock or a semaphore',
      registers: [registry],
      collect() {
        this.set(waits.size);
      },
    });
    exposeDurations(registry, {
      name: 'lock_wait_duration_seconds',
      help: 'How long requests waited that were granted after a wait',
      read: () => [[{}, waited]],
    });
    exposeDurations(registry, {
      name: 'lock_hold_duration_seconds',
      help: 'How long leases were held that were granted and released through this node',
      read: () => [[{}, memory.held]],
    });
  }

  granted(leases: readonly Grant[]): void {
    this.grants += leases.length;
    for (const { waitedMs } of leases) if (waitedMs > 0) this.waited.add(waitedMs);
  }
}
