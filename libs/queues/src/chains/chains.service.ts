import { Injectable } from '@nestjs/common';
import { type ChainedMessage, defaultConfiguration } from '@syncline/contracts';
import { type Tenant, Tenants } from '@syncline/runtime';
import { MessageBytes } from '../messages/message-bytes.js';
import { QueueStore } from '../redis/queue.store.js';
import type { Delivery } from '../redis/receipt.js';
import { bytesOfRecords, encodeTails } from '../redis/record.js';
import type { Chain } from '../redis/scripts/ends.js';
import { Room } from './room.js';

/**
 * Messages that an acknowledgement sends. They leave with it, in its script, for the outbox of its queue, so nobody can refuse
 * them any more: what their queues would say is asked before.
 */
@Injectable()
export class ChainsService {
  constructor(
    private readonly store: QueueStore,
    private readonly tenants: Tenants,
    private readonly bytes: MessageBytes,
  ) {}

  /**
   * @param from queue and delivery that is acknowledged: it makes room there
   * @throws MessageTooLarge, OverBeforeDue, QueueFull
   * @throws Problem `rate-limited` when they, or their queues, would be more than the tenant may have
   */
  async judge(
    messages: readonly ChainedMessage[],
    from: { readonly queue: string; readonly delivery: Delivery },
  ): Promise<Chain> {
    const tenant = this.tenants.of(from.queue);
    const targets = [...new Set(messages.map(({ queue }) => queue))];
    const found = await Promise.all(targets.map((to) => this.roomIn(to, tenant)));
    const rooms = new Map(targets.map((to, i) => [to, found[i] as Room]));
    rooms.get(from.queue)?.leave(from.delivery.size);
    const prepared = messages.map((message) => (rooms.get(message.queue) as Room).take(message));
    const tails = encodeTails(prepared.map(({ content }) => content));
    if (tenant !== undefined) await this.bytes.take(tenant, bytesOfRecords(tails, messages.length));
    return {
      targets: prepared.map(({ delayMs, deduplication }, i) => ({
        to: messages[i]?.queue as string,
        delayMs,
        deduplication,
      })),
      tails,
    };
  }

  private async roomIn(queue: string, tenant: Tenant | undefined): Promise<Room> {
    const found = await this.store.describe(queue);
    if (found === null && tenant !== undefined) await this.store.requireRoomFor(queue, tenant);
    return new Room(queue, found?.configuration ?? defaultConfiguration(queue), found?.stats);
  }
}
