import { Injectable } from '@nestjs/common';
import { Metrics, Tenants } from '@syncline/runtime';
import { Counter, Gauge } from 'prom-client';

/** Tenants beyond these are not shown, so that a file of keys does not become as many series. */
const MOST_TENANTS = 200;

/** What tenants take up, and what they were refused. */
@Injectable()
export class TenantMetrics {
  constructor(tenants: Tenants, { registry }: Metrics) {
    const shown = () => tenants.all.slice(0, MOST_TENANTS);
    new Gauge({
      name: 'tenant_used',
      help: 'What the names of a tenant took up when this node looked last, by quota; of the first 200 tenants',
      labelNames: ['tenant', 'quota'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { name, used } of shown())
          for (const [quota, amount] of used) this.set({ tenant: name, quota }, amount);
      },
    });
    new Counter({
      name: 'tenant_refusals_total',
      help: 'Calls of a tenant that this node refused because of a quota of what is stored or held; of the first 200 tenants',
      labelNames: ['tenant', 'quota'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { name, refusals } of shown()) {
          for (const [quota, count] of refusals) this.inc({ tenant: name, quota }, count);
        }
      },
    });
  }
}
