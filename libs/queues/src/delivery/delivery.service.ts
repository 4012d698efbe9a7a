import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import type { Receive, Received } from '@syncline/contracts';
import { logUnlessAway } from '@syncline/redis';
import type { DisconnectSignal } from '@syncline/runtime';
import { toReceived } from '../messages/message-view.js';
import { Receipts } from '../messages/receipts.js';
import { existing } from '../queues/queue.errors.js';
import { Memory } from '../recovery/memory.js';
import { seqOf } from '../redis/message-id.js';
import { QueueStore } from '../redis/queue.store.js';
import type { Deliveries } from '../redis/scripts/deliveries.js';
import type { ReceiveAttempt, ReceiveOptions, ReceiveReply } from '../redis/scripts/receive.js';
import type { Handed } from '../redis/scripts/send.js';
import type { Waiter } from '../redis/scripts/waiters.js';
import { DueTimers } from '../timers/due-timers.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { ParkedReceivers } from './parked-receivers.js';
import type { HandOver } from './receiver.js';

/** Brings messages to receivers. */
@Injectable()
export class DeliveryService {
  private readonly report = logUnlessAway(new Logger(DeliveryService.name));

  constructor(
    private readonly store: QueueStore,
    private readonly receipts: Receipts,
    private readonly receivers: ParkedReceivers,
    private readonly timers: DueTimers,
    private readonly memory: Memory,
    private readonly metrics: DeliveryMetrics,
  ) {}

  /**
   * Waits up to `waitMs` for messages. What was taken for a client that has gone meanwhile goes back to the front,
   * and does not count as a delivery: nobody was told its receipt.
   *
   * @param attemptId makes the call one that may be repeated: within 5 minutes, and while all that it got is in flight as it was left, it gets the same
   *   deliveries again, with the same receipts, hidden for another visibility timeout
   * @throws QueueNotFound, ShuttingDown, StoreUnavailable; ClientDisconnected
   */
  async receive(
    queue: string,
    { waitMs, max, visibilityTimeoutMs }: Receive,
    disconnect: DisconnectSignal,
    attemptId?: string,
  ): Promise<Received> {
    const attempt = attemptId === undefined ? undefined : { id: attemptId, claim: randomUUID() };
    const options = { max, visibilityTimeoutMs, attempt };
    if (waitMs === 0) return this.answer(queue, await this.take(queue, options, null), disconnect, attempt);
    const deadline = performance.now() + waitMs;
    const receiver = this.receivers.enter(queue, options);
    try {
      for (let asks = !receiver.inLine || attempt !== undefined; ; asks = true) {
        if (asks) {
          const reply = await this.take(queue, options, receiver.waiter);
          if (reply.messages.length > 0) return this.answer(queue, reply, disconnect, attempt);
          receiver.park(reply.arrival);
        }
        const end = await receiver.wait(deadline - performance.now(), disconnect);
        if (end === 'over') break;
        if (end !== 'woken') return this.answer(queue, end, disconnect);
        this.receivers.askAgain(receiver);
      }
      this.receivers.vacate(queue, receiver);
    } catch (error) {
      this.receivers.giveUp(queue, receiver.id);
      throw error;
    } finally {
      const untaken = this.receivers.leave(queue, receiver);
      if (untaken !== null) await this.takeBack(queue, untaken);
    }
    return { messages: [] };
  }

  /** Gives local waiters what a send handed to them. It goes back when one has left, or has asked again meanwhile. */
  handOver(queue: string, waiters: readonly HandOver[], handed: readonly Handed[]): void {
    for (const { waiter, deliveries } of handed) {
      const to = waiters[waiter];
      if (to?.hand(deliveries)) continue;
      void this.takeBack(queue, deliveries);
      // It stands in the line no more; perhaps another one has its place.
      if (to !== undefined) this.receivers.wake(queue, [to.id]);
    }
  }

  private async take(queue: string, options: ReceiveOptions, waiter: Waiter | null): Promise<ReceiveReply> {
    const { max, visibilityTimeoutMs, attempt } = options;
    const received = this.store.receive(queue, { max, visibilityTimeoutMs, attempt, waiter });
    const reply = existing(
      queue,
      await this.timers.follow(queue, received).catch((error: unknown) => {
        // Redis handed out what is not safe enough to be told.
        void received.then(
          (untold) => untold && this.takeBack(queue, untold, options.attempt),
          () => {},
        );
        throw error;
      }),
    );
    // The receiver need not wait for the dead letters of others.
    void this.timers.emptyOutbox(queue, reply.outboxLength);
    return reply;
  }

  private async answer(
    queue: string,
    deliveries: Deliveries,
    disconnect: DisconnectSignal,
    attempt?: ReceiveAttempt,
  ): Promise<Received> {
    if (disconnect.aborted) await this.takeBack(queue, deliveries, attempt);
    disconnect.throwIfAborted();
    this.receipts.learn(queue, deliveries.secret);
    for (const { delivery, failures } of deliveries.messages) {
      this.memory.saw(queue, delivery.gen, seqOf(delivery.token));
      if (failures > 0) this.metrics.redelivered();
    }
    return toReceived(queue, deliveries);
  }

  /** Never fails: should Redis be away, the visibility timeout does it. */
  private async takeBack(queue: string, { messages }: Deliveries, attempt?: ReceiveAttempt): Promise<void> {
    if (messages.length === 0) return;
    const untold = messages.map(({ delivery }) => delivery);
    await this.timers.follow(queue, this.store.giveBack(queue, untold, { attempt })).catch(this.report);
  }
}
