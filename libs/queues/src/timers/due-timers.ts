import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import { StoreUnavailable } from '@syncline/redis';
import type { Subscription } from 'rxjs';
import { Outbox } from '../dead-letters/outbox.js';
import { QueueStore } from '../redis/queue.store.js';
import { DueHeap } from './due-heap.js';

/** A node that made something due earlier looks this long after it, in case the owner was not told. */
const SECOND_LOOK_MS = 1_000;
const RETRY_MS = 500;
/** The longest that a Node timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const PAGE = 256;

/**
 * What queues do by themselves: one heap of the next instants, one timer. The ring owner of a queue acts in
 * time; whoever else knows of an instant looks a second later. Two nodes that act at once do no harm.
 */
@Injectable()
export class DueTimers implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(DueTimers.name);
  private readonly heap = new DueHeap();
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Number.POSITIVE_INFINITY;
  private changes: Subscription | undefined;
  private surveying = false;
  private surveyAgain = false;
  private stopped = false;

  constructor(
    private readonly store: QueueStore,
    private readonly membership: Membership,
    private readonly outbox: Outbox,
  ) {}

  onModuleInit(): void {
    this.changes = this.membership.changed.subscribe(() => void this.survey());
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.changes?.unsubscribe();
  }

  /** This node learned that a queue has something to do in `inMs`; null: nothing new. */
  arm(queue: string, inMs: number | null): void {
    if (inMs === null || this.stopped) return;
    const late = this.membership.owns(queue) ? 0 : SECOND_LOOK_MS;
    this.heap.add(queue, performance.now() + inMs + late);
    this.schedule();
  }

  /** The outcome of a call is unknown: it may have made something due. */
  armAfterFailure(queue: string): void {
    this.arm(queue, RETRY_MS);
  }

  /** Does what a queue has to do right now, whoever owns it: in portions, one after the other, until nothing is due. */
  async work(queue: string): Promise<void> {
    try {
      let reply = await this.store.doDueWork(queue);
      while (reply?.dueInMs === 0 && !this.stopped) reply = await this.store.doDueWork(queue);
      if (reply === null) {
        await this.store.forgetName(queue);
        return;
      }
      this.arm(queue, reply.dueInMs);
      if (reply.outboxLength > 0) await this.outbox.deliver(queue);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error(error);
      this.arm(queue, RETRY_MS);
    }
  }

  private schedule(): void {
    const next = this.heap.next;
    if (next === null || next >= this.timerAt || this.stopped) return;
    clearTimeout(this.timer);
    this.timerAt = next;
    const delay = Math.min(Math.max(0, Math.ceil(next - performance.now())), MAX_TIMER_MS);
    this.timer = setTimeout(() => {
      this.timerAt = Number.POSITIVE_INFINITY;
      for (const queue of this.heap.takeDue(performance.now())) void this.work(queue);
      this.schedule();
    }, delay);
  }

  /** The ring changed: looks through the queues that this node owns now. */
  private async survey(): Promise<void> {
    if (this.surveying) {
      this.surveyAgain = true;
      return;
    }
    this.surveying = true;
    do {
      this.surveyAgain = false;
      await this.surveyOnce().catch((error: unknown) => {
        if (!(error instanceof StoreUnavailable)) this.logger.error(error);
        if (!this.stopped) setTimeout(() => void this.survey(), RETRY_MS).unref();
      });
    } while (this.surveyAgain);
    this.surveying = false;
  }

  private async surveyOnce(): Promise<void> {
    let after: string | null = null;
    while (!this.stopped) {
      const names: string[] = await this.store.names('', after, PAGE);
      await Promise.all(names.filter((name) => this.membership.owns(name)).map((name) => this.work(name)));
      if (names.length < PAGE) return;
      after = names.at(-1) ?? null;
    }
  }
}
