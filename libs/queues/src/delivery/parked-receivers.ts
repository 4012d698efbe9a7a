import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { logUnlessAway, StoreUnavailable } from '@syncline/redis';
import { Drain, Loop, Parked, ProcessIdentity } from '@syncline/runtime';
import { QueueStore } from '../redis/queue.store.js';
import type { Deliveries } from '../redis/scripts/deliveries.js';
import type { ReceiveOptions } from '../redis/scripts/receive.js';
import { WakeUps } from '../redis/wake-ups.js';
import { Line } from './line.js';
import { type HandOver, Receiver, type WaitEnd } from './receiver.js';

const BEAT_MS = 500;
/** So long a place in the line is kept for the next receiver. */
const VACANT_MS = 1_000;
/** Lines that are checked one after the other, a few at a time: at each beat where wake-ups are not numbered, else this often. */
const CHECK_MS = 10_000;
const CHECKED_AT_ONCE = 20;
/** Receivers of a queue of which Redis said nothing for this long, while it answered for others, are told so. */
const SILENT_MS = 2_000;
/** Receivers that Redis has not heard of for this long are told so; until then they keep their places. */
const OUT_OF_TOUCH_MS = 4_800;
/** Receivers of a queue that a send here names to Redis. Usually the first one takes all there is. */
const MOST_LOCAL_WAITERS = 16;

/**
 * The receivers that wait on this node. Redis keeps the line of all nodes; a hint wakes one of them, and twice
 * a second the node asks, for all queues at once, whether it missed one: then it checks all its lines.
 */
@Injectable()
export class ParkedReceivers implements OnModuleDestroy {
  private readonly logger = new Logger(ParkedReceivers.name);
  private readonly report = logUnlessAway(this.logger);
  private readonly requests: Parked<WaitEnd>;
  /** By queue, in the order in which they were checked. */
  private readonly lines = new Map<string, Line>();
  private readonly beats = new Loop(() => this.beat(), BEAT_MS, this.logger);
  private mustCheckAll = false;
  private checkedAt = Number.NEGATIVE_INFINITY;
  private outOfTouch: NodeJS.Timeout | undefined;
  private entered = 0;

  constructor(
    private readonly store: QueueStore,
    private readonly wakeUps: WakeUps,
    private readonly membership: Membership,
    private readonly identity: ProcessIdentity,
    private readonly drain: Drain,
  ) {
    this.requests = new Parked(drain);
  }

  onModuleDestroy(): void {
    this.givePlacesUp(performance.now());
    this.rest();
  }

  /**
   * A receiver comes. When it gets a place that was vacant it is in the line already.
   *
   * @throws ShuttingDown when the process stops
   */
  enter(queue: string, options: ReceiveOptions): Receiver {
    const line = this.lines.get(queue) ?? new Line();
    const place = line.takePlace() ?? { id: this.idOf(`${this.identity.id}-${this.entered++}`), arrival: '' };
    const receiver = new Receiver(place, options, this.requests.enter(place.id));
    const isFirst = this.lines.size === 0;
    line.receivers.set(receiver.id, receiver);
    this.lines.set(queue, line);
    if (isFirst) {
      this.heard(performance.now());
      this.beats.start();
    }
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

  /** It waited in vain: its place is kept for a moment. */
  vacate(queue: string, receiver: Receiver): void {
    this.lines.get(queue)?.vacate(receiver.waiter);
  }

  /** Returns what the receiver was handed and has not taken. */
  leave(queue: string, receiver: Receiver): Deliveries | null {
    this.requests.delete(receiver.id);
    this.lines.get(queue)?.receivers.delete(receiver.id);
    this.forgetIfEmpty(queue);
    return receiver.leave();
  }

  /** The first receivers here whose clients are connected: a send that meets them hands them what it can at once. */
  localWaiters(queue: string): HandOver[] {
    const waiters: HandOver[] = [];
    for (const receiver of this.lines.get(queue)?.receivers.values() ?? []) {
      if (waiters.length === MOST_LOCAL_WAITERS) break;
      const waiter = receiver.handOver();
      if (waiter !== null) waiters.push(waiter);
    }
    return waiters;
  }

  /** A hint: there is something for these. @param ids within this node @param number see {@link WakeUps} */
  onWake(queue: string, ids: readonly string[], number: number | undefined): void {
    this.wakeUps.hear(number);
    this.wake(
      queue,
      ids.map((id) => this.idOf(id)),
    );
  }

  /** There is something for these, and they stand in the line no more. One that is gone passes it on. */
  wake(queue: string, ids: readonly string[]): void {
    for (const id of ids) {
      const request = this.requests.get(id);
      if (request === undefined) {
        this.lines.get(queue)?.losePlace(id);
        this.giveUp(queue, id);
      } else request.end('woken');
    }
    this.forgetIfEmpty(queue);
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

  private forgetIfEmpty(queue: string): void {
    if (this.lines.get(queue)?.isEmpty) this.lines.delete(queue);
    if (this.lines.size === 0) this.rest();
  }

  private rest(): void {
    clearTimeout(this.outOfTouch);
    void this.beats.stop();
  }

  /** Redis answered to what was sent at that moment. */
  private heard(at: number): void {
    if (this.lines.size === 0 || this.drain.draining) return;
    clearTimeout(this.outOfTouch);
    this.outOfTouch = setTimeout(
      () => this.requests.failAll(new StoreUnavailable('Redis cannot be reached.')),
      at + OUT_OF_TOUCH_MS - performance.now(),
    );
  }

  private async beat(): Promise<void> {
    const sentAt = performance.now();
    this.mustCheckAll = (await this.wakeUps.anyMissed()) || this.mustCheckAll;
    const all = this.mustCheckAll;
    // What a vacant place was woken for is then for others.
    this.givePlacesUp(all ? sentAt : sentAt - VACANT_MS);
    await this.check(all ? [...this.lines] : this.nextLines(sentAt), sentAt);
    if (all) this.mustCheckAll = false;
    this.heard(sentAt);
  }

  private givePlacesUp(since: number): void {
    for (const [queue, line] of [...this.lines]) {
      for (const id of line.givePlacesUp(since)) this.giveUp(queue, id);
      this.forgetIfEmpty(queue);
    }
  }

  /** What was checked moves to the end. */
  private nextLines(now: number): (readonly [string, Line])[] {
    if (this.wakeUps.areNumbered && now - this.checkedAt < CHECK_MS) return [];
    this.checkedAt = now;
    const lines: (readonly [string, Line])[] = [];
    for (const line of this.lines) {
      if (lines.length === CHECKED_AT_ONCE) break;
      lines.push(line);
    }
    for (const [queue, line] of lines) {
      this.lines.delete(queue);
      this.lines.set(queue, line);
    }
    return lines;
  }

  /** On a Redis Cluster some queues may be away, and the others not. @throws what the first part failed with */
  private async check(lines: readonly (readonly [string, Line])[], sentAt: number): Promise<void> {
    const parts = this.store.together(lines);
    const outcomes = await Promise.allSettled(parts.map((some) => this.checkSome(some, sentAt)));
    const failures = outcomes.flatMap((outcome, i) =>
      outcome.status === 'rejected' ? [{ reason: outcome.reason as unknown, part: parts[i] ?? [] }] : [],
    );
    if (failures.length < parts.length) {
      for (const { reason, part } of failures)
        for (const [, line] of part) endWhenSilent(line, sentAt, reason);
    }
    for (const { reason } of failures) throw reason;
  }

  private async checkSome(lines: readonly (readonly [string, Line])[], sentAt: number): Promise<void> {
    const parked = lines.map(([queue, line]) => ({
      queue,
      receivers: [...line.receivers.values()].filter(({ inLine }) => inLine),
    }));
    const counts = await this.store.checkLines(
      parked.map(({ queue, receivers }) => ({ queue, waiters: receivers.map(({ waiter }) => waiter) })),
    );
    this.heard(sentAt);
    for (const [, line] of lines) line.silentSince = Number.POSITIVE_INFINITY;
    for (const [i, { receivers }] of parked.entries()) {
      const count = counts[i];
      // Null: the queue is gone, and all should learn of it.
      for (const receiver of receivers.slice(0, count ?? receivers.length)) receiver.wake();
    }
  }
}

function endWhenSilent(line: Line, since: number, reason: unknown): void {
  line.silentSince = Math.min(line.silentSince, since);
  if (performance.now() - line.silentSince < SILENT_MS) return;
  for (const receiver of line.receivers.values()) if (receiver.inLine) receiver.fail(reason);
}
