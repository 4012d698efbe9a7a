import { Injectable, Logger } from '@nestjs/common';
import { logUnlessAway } from '@syncline/redis';
import { Metrics } from '@syncline/runtime';
import { Counter } from 'prom-client';
import { MessageBytes } from '../messages/message-bytes.js';
import { ScheduleStore } from '../redis/schedule.store.js';
import type { DueSchedule } from '../redis/scripts/schedules.js';
import { dueOf, jitterOf, type Rule } from './rule.js';

/** Schedules at a time, and occurrences of one in a script. */
const PORTION = 20;
const MOST_OCCURRENCES = 100;
/** What could not be sent is tried again after this time. */
const RETRY_MS = 1_000;

/**
 * Sends what is due of schedules. It finds out which occurrence comes next; Redis decides whether one has come, and sends its
 * message and moves on in one step, if the schedule still stands there. So any number of nodes may do this at once.
 */
@Injectable()
export class Firing {
  private readonly report = logUnlessAway(new Logger(Firing.name));
  private readonly sent: Counter;

  constructor(
    private readonly store: ScheduleStore,
    private readonly bytes: MessageBytes,
    { registry }: Metrics,
  ) {
    this.sent = new Counter({
      name: 'queue_schedule_messages_total',
      help: 'Messages that this node sent for occurrences of schedules',
      registers: [registry],
    });
  }

  /** Returns in how many ms there is more to do; null: nothing. */
  async fire(queue: string): Promise<number | null> {
    for (;;) {
      const reply = await this.store.due(queue, PORTION);
      if (reply === null || reply.due.length === 0) return reply?.dueInMs ?? null;
      const fired = reply.due.map((due) =>
        this.fireOne(queue, due, reply.now).catch((error: unknown) => {
          this.report(error);
          return false;
        }),
      );
      if ((await Promise.all(fired)).includes(false)) return RETRY_MS;
    }
  }

  /** False: some of it is still to be sent. */
  private async fireOne(queue: string, due: DueSchedule, now: number): Promise<boolean> {
    const named = { name: due.name, queue, id: due.id };
    const bearer = await this.store.rename(due.name, null, named);
    if (bearer?.id !== due.id) {
      // It was replaced while it was made.
      await this.store.remove(queue, due.id);
      return true;
    }
    const rule = JSON.parse(due.rule) as Rule;
    const { occurrences, nextAt } = dueOf(rule, due, now);
    // As where the queue is full: they are sent when there is room.
    if (occurrences.length > 0 && (await this.bytes.areExhausted(queue))) return false;
    const delayed = occurrences.map((at) => ({
      at,
      delayMs: Math.max(0, at + jitterOf(rule, due.id, at) - now),
    }));
    let from = 0;
    let portion = MOST_OCCURRENCES;
    do {
      const some = delayed.slice(from, from + portion);
      const standsAt = { ...due, at: from === 0 ? due.at : (occurrences[from] as number) };
      const after = occurrences[from + portion] ?? nextAt;
      const reply = await this.store.fire(queue, standsAt, some, after);
      if (reply?.outcome === 'full') {
        if (some.length === 1) return false;
        // Perhaps there is room for some of them.
        portion = 1;
        continue;
      }
      if (reply?.outcome !== 'sent') return true;
      this.sent.inc(some.length);
      from += portion;
    } while (from < occurrences.length);
    return true;
  }
}
