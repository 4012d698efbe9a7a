import { Injectable } from '@nestjs/common';
import { QueueNotFound } from './queue.errors.js';
import { QueueStore } from './queue.store.js';
import { type Delivery, readReceipt } from './receipt.js';

const REMEMBERED_SECRETS = 10_000;

/**
 * Judges whether receipts are genuine. The secret of a queue lies in Redis, so all nodes have the same one; it is
 * remembered here. When a receipt does not fit, the secret is looked up anew: the queue may have been made again.
 */
@Injectable()
export class Receipts {
  private readonly secrets = new Map<string, string>();

  constructor(private readonly store: QueueStore) {}

  learn(queue: string, secret: string): void {
    if (this.secrets.get(queue) === secret) return;
    this.secrets.set(queue, secret);
    if (this.secrets.size > REMEMBERED_SECRETS) {
      for (const [oldest] of this.secrets) {
        this.secrets.delete(oldest);
        break;
      }
    }
  }

  /**
   * @returns what each stands for; null for one that is not genuine
   * @throws QueueNotFound
   */
  async read(queue: string, receipts: readonly string[]): Promise<(Delivery | null)[]> {
    const known = this.secrets.get(queue);
    if (known !== undefined) {
      const deliveries = receipts.map((receipt) => readReceipt(known, queue, receipt));
      if (!deliveries.includes(null)) return deliveries;
    }
    const secret = await this.store.secret(queue);
    if (secret === null) throw new QueueNotFound(queue);
    this.learn(queue, secret);
    return receipts.map((receipt) => readReceipt(secret, queue, receipt));
  }
}
