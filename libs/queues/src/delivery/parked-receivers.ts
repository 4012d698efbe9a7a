import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { logUnlessAway, StoreUnavailable } from '@syncline/redis';
import { Drain, Loop, Parked, ProcessIdentity } from '@syncline/runtime';
import { QueueStore } from '../redis/queue.store.js';
import type { Deliveries } from '../redis/scripts/deliveries.js';
import type { ReceiveOptions } from '../redis/scripts/receive.js';
import { type HandOver, Receiver, type WaitEnd } from './receiver.js';

const RENEW_MS = 500;
/** Receivers that Redis has not heard of for this long are told so; until then they keep their places. */
const OUT_OF_TOUCH_MS = 4_800;
/** Receivers of a queue that a send here names to Redis. Usually the first one takes all there is. */
const MOST_LOCAL_WAITERS = 16;

/**
 * The receivers that wait on this node. Redis keeps the line of all nodes; a hint wakes one of them, and twice
 * a second the node says that they still wait, in all queues at once, and learns what hints it missed.
 */
@Injectable()
export class ParkedReceivers implements OnModuleDestroy {
  private readonly logger = new Logger(ParkedReceivers.name);
  private readonly report = logUnlessAway(this.logger);
  private readonly requests: Parked<WaitEnd>;
  /** By queue, in the order of their arrival here. */
  private readonly lines = new Map<string, Map<string, Receiver>>();
  private readonly renewal = new Loop(() => this.renew(), RENEW_MS, this.logger);
  private outOfTouch: NodeJS.Timeout | undefined;
  private entered = 0;

  constructor(
    private readonly store: QueueStore,
    private readonly membership: Membership,
    private readonly identity: ProcessIdentity,
    private readonly drain: Drain,
  ) {
    this.requests = new Parked(drain);
  }

  onModuleDestroy(): void {
    this.rest();
  }

  /** @throws ShuttingDown when the process stops */
  enter(queue: string, options: ReceiveOptions): Receiver {
    const id = this.idOf(`${this.identity.id}-${this.entered++}`);
    const receiver = new Receiver(id, options, this.requests.enter(id));
    if (this.lines.size === 0) {
      this.heard(performance.now());
      this.renewal.start();
    }
    const line = this.lines.get(queue) ?? new Map<string, Receiver>();
    this.lines.set(queue, line.set(id, receiver));
    return receiver;
  }

  /**
   * It was woken, and asks Redis again.
   *
   * @throws ShuttingDown when the process stops
   */
  askAgain(receiver: Receiver): void {
    receiver.ask(this.requests.enter(receiver.id));
  }

  /** Returns what the receiver was handed and has not taken. */
  leave(queue: string, receiver: Receiver): Deliveries | null {
    this.requests.delete(receiver.id);
    const line = this.lines.get(queue);
    line?.delete(receiver.id);
    if (line?.size === 0) this.lines.delete(queue);
    if (this.lines.size === 0) this.rest();
    return receiver.leave();
  }

  /** The first receivers here whose clients are connected: a send that meets them hands them what it can at once. */
  localWaiters(queue: string): HandOver[] {
    const waiters: HandOver[] = [];
    for (const receiver of this.lines.get(queue)?.values() ?? []) {
      if (waiters.length === MOST_LOCAL_WAITERS) break;
      const waiter = receiver.handOver();
      if (waiter !== null) waiters.push(waiter);
    }
    return waiters;
  }

  /** A hint: there is something for these. One that is gone passes it on. */
  wake(queue: string, ids: readonly string[]): void {
    for (const id of ids.map((each) => this.idOf(each))) {
      const request = this.requests.get(id);
      if (request === undefined) this.giveUp(queue, id);
      else request.end('woken');
    }
  }

  /**
   * Tells Redis that a receiver no longer waits; when it was just woken, another one is. Should this fail, its
   * place is skipped once its lease is over.
   */
  giveUp(queue: string, receiverId: string): void {
    this.store.removeWaiter(queue, receiverId).catch(this.report);
  }

  /** @param id within this node, as hints name it */
  private idOf(id: string): string {
    return `${this.membership.nodeId}#${id}`;
  }

  private rest(): void {
    clearTimeout(this.outOfTouch);
    void this.renewal.stop();
  }

  /** Redis answered to what was sent at that moment. */
  private heard(at: number): void {
    clearTimeout(this.outOfTouch);
    this.outOfTouch = setTimeout(
      () => this.requests.failAll(new StoreUnavailable('Redis cannot be reached.')),
      at + OUT_OF_TOUCH_MS - performance.now(),
    );
  }

  private async renew(): Promise<void> {
    const sentAt = performance.now();
    const parts = this.store.together([...this.lines]);
    const outcomes = await Promise.allSettled(parts.map((lines) => this.renewSome(lines)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (this.lines.size > 0 && !this.drain.draining) this.heard(sentAt);
  }

  private async renewSome(
    lines: readonly (readonly [string, ReadonlyMap<string, Receiver>])[],
  ): Promise<void> {
    const parked = lines.map(([queue, line]) => ({
      queue,
      receivers: [...line.values()].filter(({ inLine }) => inLine),
    }));
    const counts = await this.store.renewWaiters(
      parked.map(({ queue, receivers }) => ({ queue, waiters: receivers.map(({ waiter }) => waiter) })),
    );
    for (const [i, { receivers }] of parked.entries()) {
      const count = counts[i];
      // Null: the queue is gone, and all should learn of it.
      for (const receiver of receivers.slice(0, count ?? receivers.length)) receiver.wake();
    }
  }
}
