import { Injectable } from '@nestjs/common';
import { type Receipts as GivenReceipts, ValidationFailed } from '@syncline/contracts';
import { existing } from '../queues/queue.errors.js';
import { QueueStore } from '../redis/queue.store.js';
import { type Delivery, isReceipt, readReceipt } from '../redis/receipt.js';
import { NoReceipt } from './message.errors.js';

const REMEMBERED_SECRETS = 10_000;

/**
 * Judges whether receipts are genuine. The secret of a queue lies in Redis, so all nodes have the same one; it is
 * remembered here. When a receipt does not fit, the secret is looked up again: the queue may have been made again.
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
   * @returns what each stands for; null for one that is not genuine, its problem for what is no receipt at all
   * @throws QueueNotFound
   */
  async read(queue: string, given: GivenReceipts): Promise<(Delivery | null | ValidationFailed)[]> {
    const readAll = (secret: string) =>
      given.map((one) =>
        typeof one === 'string' && isReceipt(one) ? readReceipt(secret, queue, one) : refusal(one),
      );
    const known = this.secrets.get(queue);
    if (known !== undefined) {
      const read = readAll(known);
      if (!read.includes(null)) return read;
    } else if (given.every((one) => typeof one !== 'string' || !isReceipt(one))) return given.map(refusal);
    const secret = existing(queue, await this.store.secret(queue));
    this.learn(queue, secret);
    return readAll(secret);
  }
}

const refusal = (one: GivenReceipts[number]): ValidationFailed =>
  one instanceof ValidationFailed ? one : new NoReceipt();
