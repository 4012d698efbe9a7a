import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Membership } from '@syncline/cluster';
import type { Durability } from '@syncline/contracts';
import { logUnlessAway } from '@syncline/redis';
import { Loop } from '@syncline/runtime';
import type { Subscription } from 'rxjs';
import { Outbox } from '../dead-letters/outbox.js';
import { DeliveryMetrics } from '../delivery/delivery-metrics.js';
import { QueueStore } from '../redis/queue.store.js';
import { Firing } from '../schedules/firing.js';
import { DueHeap } from './due-heap.js';

/** A node that made something due earlier looks this long after it, in case the owner was not told. */
const SECOND_LOOK_MS = 1_000;
const RETRY_MS = 500;
/** An instant that is farther away is looked at earlier: the clock of Redis may be set. */
const LOOK_AT_SCHEDULES_MS = 60_000;
const PAGE = 256;

/**
 * What queues do by themselves: one heap of the next instants, one timer. The ring owner of a queue acts in
 * time; any other node that knows of an instant looks a second later. Two nodes that act at once do no harm.
 */
@Injectable()
export class DueTimers implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(DueTimers.name);
  private readonly report = logUnlessAway(this.logger);
  private readonly heap = new DueHeap();
  /** Queues in which receivers of nodes that have left may be parked. */
  private readonly unsurveyed = new Set<string>();
  private readonly alarm = new Loop(() => this.workOnDue(), Number.POSITIVE_INFINITY, this.logger);
  /** One for each key of names: on a Redis Cluster those of a primary that is away hold up no others. */
  private readonly surveys: readonly Loop[];
  private changes: Subscription | undefined;
  private stopped = false;

  constructor(
    private readonly store: QueueStore,
    private readonly membership: Membership,
    private readonly outbox: Outbox,
    private readonly firing: Firing,
    private readonly metrics: DeliveryMetrics,
  ) {
    this.alarm.start();
    this.surveys = store.names.keys.map((key) => {
      const survey: Loop = new Loop(
        () => this.workOnOwned(key, survey),
        Number.POSITIVE_INFINITY,
        this.logger,
      );
      survey.start();
      return survey;
    });
  }

  onModuleInit(): void {
    this.changes = this.membership.changed.subscribe(() => {
      for (const survey of this.surveys) void survey.run();
    });
  }

  onModuleDestroy(): void {
    this.stopped = true;
    this.changes?.unsubscribe();
    void this.alarm.stop();
    for (const survey of this.surveys) void survey.stop();
  }

  /** This node learned that a queue has something to do in `inMs`; null: nothing new. */
  arm(queue: string, inMs: number | null): void {
    if (inMs === null || this.stopped) return;
    const late = this.membership.ownedLast(queue) ? 0 : SECOND_LOOK_MS;
    this.heap.add(queue, performance.now() + inMs + late);
    this.schedule();
  }

  /** The reply of a call to Redis, held until it is safe: see {@link QueueStore.hold}. What it made due is armed at once. */
  follow<Reply extends { readonly dueInMs: number | null; readonly durability: Durability } | null>(
    queue: string,
    call: Promise<Reply>,
  ): Promise<Reply> {
    return this.store.hold(queue, this.armed(queue, call));
  }

  /** A call whose outcome is unknown may have made something due as well. */
  private async armed<Reply extends { readonly dueInMs: number | null } | null>(
    queue: string,
    call: Promise<Reply>,
  ): Promise<Reply> {
    try {
      const reply = await call;
      this.arm(queue, reply?.dueInMs ?? null);
      return reply;
    } catch (error) {
      this.arm(queue, RETRY_MS);
      throw error;
    }
  }

  /** Does what a queue has to do right now: in portions, one after the other, until nothing is due. Never fails. */
  async work(queue: string): Promise<void> {
    try {
      let reply = await this.step(queue);
      while (reply?.dueInMs === 0 && !this.stopped) reply = await this.step(queue);
      if (reply === null) return await this.store.forget(queue);
      this.arm(queue, reply.dueInMs);
      await Promise.all([
        this.emptyOutbox(queue, reply.outboxLength),
        this.workOnSchedules(queue, reply.occurrenceInMs),
      ]);
    } catch (error) {
      this.retry(queue, error);
    }
  }

  private async step(queue: string) {
    const reply = await this.store.doDueWork(
      queue,
      this.unsurveyed.has(queue) ? this.membership.nodeIds : [],
    );
    this.unsurveyed.delete(queue);
    for (const ms of reply?.lateMs ?? []) this.metrics.delayEnded(ms);
    return reply;
  }

  /** Brings what waits in an outbox to where it goes. Never fails: it is safe there, and this is tried again. */
  async emptyOutbox(queue: string, outboxLength: number): Promise<void> {
    if (outboxLength === 0) return;
    await this.outbox.deliver(queue).catch((error: unknown) => this.retry(queue, error));
  }

  private async workOnSchedules(queue: string, occurrenceInMs: number | null): Promise<void> {
    // As long as the owner does it in time, nobody else looks after it.
    const inMs =
      occurrenceInMs === 0
        ? await this.firing.fire(queue)
        : this.membership.ownedLast(queue)
          ? occurrenceInMs
          : null;
    this.arm(queue, inMs === null ? null : Math.min(inMs, LOOK_AT_SCHEDULES_MS));
  }

  private retry(queue: string, error: unknown): void {
    this.report(error);
    this.arm(queue, RETRY_MS);
  }

  private schedule(): void {
    if (this.heap.next !== null) this.alarm.within(this.heap.next - performance.now());
  }

  private async workOnDue(): Promise<void> {
    for (const queue of this.heap.takeDue(performance.now())) void this.work(queue);
    this.schedule();
  }

  /** The ring changed: works on all queues that this node owns now, of those that a key names. */
  private async workOnOwned(key: string, survey: Loop): Promise<void> {
    try {
      let after: string | null = null;
      while (!this.stopped) {
        const names: string[] = await this.store.names.page('', after, PAGE, [key]);
        const owned = names.filter((name) => this.membership.ownedLast(name));
        for (const name of owned) this.unsurveyed.add(name);
        await Promise.all(owned.map((name) => this.work(name)));
        if (names.length < PAGE) return;
        after = names.at(-1) ?? null;
      }
    } catch (error) {
      survey.within(RETRY_MS);
      throw error;
    }
  }
}
