import type { StockQuota } from '@syncline/contracts';
import type { Tenant } from './tenants.js';

/** A sum is taken again after a second, or after 1 ms for each of its parts: looking at many must not keep Redis busy. */
const GOOD_FOR_MS = 1_000;

/** A sum over all names of a tenant. */
export interface Sum {
  readonly total: number;
  /** How many names it was taken over. */
  readonly parts: number;
}

/** What a tenant has of something, as it was a moment ago, and what this process added since. */
export class RecentSum {
  private total = 0;
  /** Added since the sum that is being taken began, which may have it already. */
  private addedMeanwhile = 0;
  private goodUntil = Number.NEGATIVE_INFINITY;
  private taking: Promise<void> | undefined;

  constructor(
    private readonly tenant: Tenant,
    private readonly quota: StockQuota,
    private readonly sum: (tenant: Tenant) => Promise<Sum>,
  ) {}

  /** How much the tenant may add. Less than 0: it has more than it may. */
  get room(): number {
    return (this.tenant.quotas[this.quota] ?? Number.POSITIVE_INFINITY) - this.total;
  }

  /** This process adds so much. */
  add(amount: number): void {
    this.total += amount;
    this.addedMeanwhile += amount;
  }

  /** Takes the sum again where it is too old. */
  async renew(): Promise<void> {
    if (performance.now() < this.goodUntil) return;
    this.taking ??= this.take().finally(() => {
      this.taking = undefined;
    });
    await this.taking;
  }

  private async take(): Promise<void> {
    const startedAt = performance.now();
    this.addedMeanwhile = 0;
    const { total, parts } = await this.sum(this.tenant);
    this.total = total + this.addedMeanwhile;
    this.goodUntil = startedAt + Math.max(GOOD_FOR_MS, parts);
    this.tenant.used.set(this.quota, total);
  }
}

/**
 * What the names of tenants take up together. No script could judge it, since on a Redis Cluster the names of a tenant lie in many slots.
 */
export class RecentSums {
  private readonly sums = new WeakMap<Tenant, RecentSum>();

  constructor(
    private readonly quota: StockQuota,
    private readonly sum: (tenant: Tenant) => Promise<Sum>,
  ) {}

  /** That of a tenant; undefined when it has no such quota. */
  async of(tenant: Tenant | undefined): Promise<RecentSum | undefined> {
    if (tenant?.quotas[this.quota] === undefined) return undefined;
    let sum = this.sums.get(tenant);
    if (sum === undefined) {
      sum = new RecentSum(tenant, this.quota, this.sum);
      this.sums.set(tenant, sum);
    }
    await sum.renew();
    return sum;
  }
}
