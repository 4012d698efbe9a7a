import { Injectable } from '@nestjs/common';
import { RecentSums, type Tenant, Tenants } from '@syncline/runtime';
import { QueueStore } from '../redis/queue.store.js';

/** The bytes of messages that tenants may have. A send counts in full before it is made, whatever of it turns out to be there already. */
@Injectable()
export class MessageBytes {
  private readonly sums: RecentSums;

  constructor(
    private readonly tenants: Tenants,
    store: QueueStore,
  ) {
    this.sums = new RecentSums('messageBytes', ({ realm }) => store.bytesOf(realm));
  }

  /** @throws Problem `rate-limited` when the tenant has no room for so many bytes more */
  async take(tenant: Tenant, bytes: number): Promise<void> {
    const sum = await this.sums.of(tenant);
    if (sum === undefined) return;
    if (sum.room < bytes) throw tenant.exceeds('messageBytes');
    sum.add(bytes);
  }

  /** Whether the tenant of a queue has as many as it may. */
  async areExhausted(queue: string): Promise<boolean> {
    const sum = await this.sums.of(this.tenants.of(queue));
    return sum !== undefined && sum.room <= 0;
  }

  /** @throws Problem `rate-limited` when {@link areExhausted} */
  async requireSome(queue: string): Promise<void> {
    if (await this.areExhausted(queue)) throw this.tenants.of(queue)?.exceeds('messageBytes');
  }
}
