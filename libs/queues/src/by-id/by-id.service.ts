import { Injectable } from '@nestjs/common';
import type { Cancel, Cancelled, Reschedule, ShownMessage, Watch, Watched } from '@syncline/contracts';
import type { DisconnectSignal } from '@syncline/runtime';
import { Receipts } from '../messages/receipts.js';
import { existing } from '../queues/queue.errors.js';
import { messageId } from '../redis/message-id.js';
import { QueueStore } from '../redis/queue.store.js';
import type { End } from '../redis/scripts/by-id.js';
import { DueTimers } from '../timers/due-timers.js';
import { MessageInFlight, MessageNotFound, OverBeforeDelay } from './by-id.errors.js';
import { EndWatch } from './end-watch.js';
import { toDead, toEnded, toKept, toShown, unseen } from './shown-message.js';

/** One message, by its id. */
@Injectable()
export class ByIdService {
  constructor(
    private readonly store: QueueStore,
    private readonly timers: DueTimers,
    private readonly receipts: Receipts,
    private readonly ends: EndWatch,
  ) {}

  /**
   * Shows a message, after it has ended or after `waitMs`.
   *
   * @throws MessageNotFound, QueueNotFound, StoreUnavailable; ShuttingDown, ClientDisconnected
   */
  async get(queue: string, id: string, waitMs: number, disconnect: DisconnectSignal): Promise<ShownMessage> {
    if (waitMs === 0) return this.find(queue, id);
    const deadline = performance.now() + waitMs;
    const waiter = this.ends.enter(queue, [id], { toBeTold: true });
    try {
      const [seen] = await Promise.all([this.find(queue, id), this.ends.ask(waiter)]);
      if (hasEnded(seen)) return seen;
      const ended = await this.ends.wait(waiter, deadline - performance.now(), disconnect);
      return ended !== null && leavesNothing(ended.end) ? toEnded(seen, ended.end) : this.find(queue, id);
    } finally {
      this.ends.leave(waiter);
    }
  }

  /** @throws MessageNotFound, QueueNotFound, MessageInFlight, OverBeforeDelay */
  async reschedule(queue: string, id: string, { delayMs, priority }: Reschedule): Promise<ShownMessage> {
    const call = this.store.reschedule(queue, id, delayMs, priority);
    const { outcome } = existing(queue, await this.timers.follow(queue, call));
    if (outcome === 'inFlight') throw new MessageInFlight(id);
    if (outcome === 'over') throw new OverBeforeDelay();
    if (outcome === '') throw new MessageNotFound(queue, id);
    return toShown(outcome);
  }

  /**
   * Removes a message that waits or is in flight; again within 5 minutes it is one call.
   *
   * @throws MessageNotFound, QueueNotFound
   */
  async cancel(queue: string, id: string, { reason }: Cancel): Promise<Cancelled> {
    const call = this.store.cancel(queue, id, reason);
    const { done, durability } = existing(queue, await this.timers.follow(queue, call));
    if (!done) throw new MessageNotFound(queue, id);
    return { status: 'cancelled', durability };
  }

  /**
   * Which of these deliveries were cancelled; waits until one is.
   *
   * @throws QueueNotFound, StoreUnavailable; ShuttingDown, ClientDisconnected
   */
  async watch(queue: string, { receipts, waitMs }: Watch, disconnect: DisconnectSignal): Promise<Watched> {
    const deadline = performance.now() + waitMs;
    const receiptsOf = new Map<string, string>();
    for (const [i, delivery] of (await this.receipts.read(queue, receipts)).entries()) {
      if (delivery === null || delivery instanceof Error) continue;
      receiptsOf.set(messageId(delivery.gen, delivery.token), receipts[i] as string);
    }
    const ids = [...receiptsOf.keys()];
    const waiter = this.ends.enter(queue, ids, { toBeTold: false });
    try {
      const known = existing(queue, await this.store.watch(queue, ids, false));
      const ended = ids.flatMap((id, i) => (known[i] ? [{ id, end: known[i] }] : []));
      if (ended.length === 0) {
        const next = await this.ends.wait(waiter, deadline - performance.now(), disconnect);
        if (next !== null) ended.push(next);
      }
      const cancelled = ended.flatMap(({ id, end }) => {
        const receipt = receiptsOf.get(id);
        return receipt === undefined || end.state !== 'cancelled'
          ? []
          : [{ receipt, reason: end.reason ?? null }];
      });
      return { cancelled };
    } finally {
      this.ends.leave(waiter);
    }
  }

  private async find(queue: string, id: string): Promise<ShownMessage> {
    const here = existing(queue, await this.store.lookUp(queue, id));
    if ('content' in here) return toShown(here);
    if (here.end !== null && here.kept !== null) return toKept(id, here.end, here.kept);
    if (here.end !== null && leavesNothing(here.end)) return toEnded(unseen(id), here.end);
    // It may be on its way there.
    await this.timers.emptyOutbox(queue, here.outboxLength);
    const there = await this.store.lookUp(here.deadLetterQueue, id);
    if (there === null) throw new MessageNotFound(queue, id);
    if ('content' in there) {
      if (there.content.extra?.deadLetter?.queue === queue) return toDead(there);
      throw new MessageNotFound(queue, id);
    }
    // Or on its way back.
    await this.timers.emptyOutbox(here.deadLetterQueue, there.outboxLength);
    const again = existing(queue, await this.store.lookUp(queue, id));
    if ('content' in again) return toShown(again);
    throw new MessageNotFound(queue, id);
  }
}

const leavesNothing = (end: End): end is End & { state: 'done' | 'cancelled' } =>
  !end.kept && (end.state === 'done' || end.state === 'cancelled');

const hasEnded = ({ state }: ShownMessage) => state === 'dead' || state === 'done' || state === 'cancelled';
