import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  defaultConfiguration,
  MAX_SCHEDULES,
  Problem,
  type PutSchedule,
  type Schedule,
  type ScheduleRun,
  type Schedules,
  toInstant,
} from '@syncline/contracts';
import { Tenants } from '@syncline/runtime';
import { QueueFull } from '../messages/message.errors.js';
import { MessageBytes } from '../messages/message-bytes.js';
import { toNewMessage } from '../messages/new-message.js';
import { QueueStore } from '../redis/queue.store.js';
import { encodeTail, type MessageContent } from '../redis/record.js';
import { type Named, ScheduleStore } from '../redis/schedule.store.js';
import type { StoredSchedule } from '../redis/scripts/schedules.js';
import { DueTimers } from '../timers/due-timers.js';
import { nextOf, type Rule, ruleOf, sameTiming } from './rule.js';
import { NoOccurrence, ScheduleNotFound, TooManySchedules } from './schedule.errors.js';
import { toSchedule } from './schedule-view.js';

const ID_BYTES = 8;
/** Schedules that are read at a time, and the bytes of bodies after which a page ends. */
const PORTION = 16;
const PAGE_BYTES = 4_194_304;

/** A schedule as it stood at a moment of the clock of Redis. */
interface Found {
  readonly named: Named;
  readonly stored: StoredSchedule;
  readonly now: number;
}

/** Schedules as such: made, changed, looked at, removed. `Firing` sends what is due of them. */
@Injectable()
export class SchedulesService {
  constructor(
    private readonly store: ScheduleStore,
    private readonly queues: QueueStore,
    private readonly timers: DueTimers,
    private readonly tenants: Tenants,
    private readonly bytes: MessageBytes,
  ) {}

  /**
   * Makes the schedule, or replaces it; makes its queue when there is none. The same again changes nothing.
   *
   * @throws ValidationFailed, MessageTooLarge, TooManySchedules
   */
  async put(name: string, given: PutSchedule): Promise<Schedule> {
    const { queue } = given;
    const content = contentOf(given, await this.queues.maxMessageBytes(queue));
    for (;;) {
      const named = await this.store.find(name);
      const ids = named?.queue === queue ? [named.id] : [];
      const { now, count, schedules } = await this.store.show(queue, ids);
      const rule = ruleOf(given, now);
      const [stored] = schedules;
      let made: Schedule | null = null;
      if (named !== null && stored) {
        made = await this.change({ named, stored, now }, rule, content);
      } else if (nextOf(rule, 0, now) === null) {
        throw new NoOccurrence();
      } else if (count === null) {
        const tenant = this.tenants.of(queue);
        await this.timers.follow(queue, this.queues.make(queue, defaultConfiguration(queue), { tenant }));
      } else if (count >= MAX_SCHEDULES) {
        throw new TooManySchedules(queue);
      } else {
        made = await this.make(named, { ...given, name }, content);
      }
      if (made !== null) return made;
    }
  }

  /** @throws ScheduleNotFound */
  async get(name: string): Promise<Schedule> {
    const { named, stored } = await this.read(name);
    return toSchedule(named, stored);
  }

  async list(prefix: string, cursor: string | null, limit: number): Promise<Schedules> {
    const names = await this.store.names(prefix, cursor, limit);
    const schedules: Schedule[] = [];
    let bytes = 0;
    for (let from = 0; from < names.length && bytes < PAGE_BYTES; from += PORTION) {
      const some = names.slice(from, from + PORTION);
      const shown = await Promise.all(some.map(({ queue, id }) => this.store.show(queue, [id])));
      for (const [i, named] of some.entries()) {
        const stored = shown[i]?.schedules[0];
        if (!stored) continue;
        schedules.push(toSchedule(named, stored));
        bytes += stored.content.body.length;
      }
      if (bytes >= PAGE_BYTES) return { schedules, cursor: some.at(-1)?.name ?? null };
    }
    return { schedules, cursor: names.length < limit ? null : (names.at(-1)?.name ?? null) };
  }

  /** @throws ScheduleNotFound */
  async remove(name: string): Promise<void> {
    const named = await this.find(name);
    const reply = await this.queues.hold(named.queue, this.store.remove(named.queue, named.id));
    await this.store.rename(name, named, null);
    if (!reply?.removed) throw new ScheduleNotFound(name);
  }

  /**
   * Sends nothing any more, or goes on with the next occurrence from now on.
   *
   * @throws ScheduleNotFound
   */
  async pause(name: string, paused: boolean): Promise<Schedule> {
    for (;;) {
      const found = await this.read(name);
      if (found.stored.paused === paused) return toSchedule(found.named, found.stored);
      const nextAt = paused ? null : nextOf(ruleIn(found), found.stored.sent, found.now);
      if (await this.write(found, nextAt, { paused: paused ? 1 : 0 })) {
        return toSchedule(found.named, { ...found.stored, nextAt, paused });
      }
    }
  }

  /**
   * Sends a message now, beside its occurrences.
   *
   * @param judge of the queue that gets it
   * @throws ScheduleNotFound, QueueFull
   */
  async run(name: string, judge: (queue: string) => void): Promise<ScheduleRun> {
    const { queue, id } = await this.find(name);
    judge(queue);
    await this.bytes.requireSome(queue);
    const reply = await this.timers.follow(queue, this.store.run(queue, id));
    if (reply === null) throw new ScheduleNotFound(name);
    if (reply.limit !== null) throw new QueueFull(queue, reply.limit, []);
    return { at: toInstant(reply.at), messageId: reply.messageId };
  }

  /** Null: somebody else was faster. @param bearer of the name: it is elsewhere, or about to be made or removed */
  private async make(
    bearer: Named | null,
    given: PutSchedule & { readonly name: string },
    content: MessageContent,
  ): Promise<Schedule | null> {
    const { name, queue } = given;
    const named =
      bearer?.queue === queue ? bearer : { name, queue, id: randomBytes(ID_BYTES).toString('hex') };
    if (named !== bearer) {
      if ((await this.store.rename(name, bearer, named))?.id !== named.id) return null;
      if (bearer !== null) await this.queues.hold(bearer.queue, this.store.remove(bearer.queue, bearer.id));
    }
    // What the former one has sent was due before this.
    const { now } = await this.store.show(queue, []);
    const rule = ruleOf(given, now);
    const nextAt = nextOf(rule, 0, now);
    const text = JSON.stringify(rule);
    const fields = { name, rule: text, tail: encodeTail(content), paused: 0, sent: 0 };
    const reply = await this.timers.follow(queue, this.store.put(queue, named.id, null, nextAt, fields));
    if (reply?.outcome === 'full') {
      await this.store.rename(name, named, null);
      throw new TooManySchedules(queue);
    }
    if (reply?.outcome !== 'done') return null;
    await this.store.confirmNames(reply.durability);
    // The name may have been taken away meanwhile, by one that was about to be removed.
    await this.store.rename(name, null, named);
    const stored = { name, rule: text, content, revision: '1', nextAt, paused: false, sent: 0, last: [] };
    return toSchedule(named, stored);
  }

  /** Null: it is not any more as it was found. */
  private async change(found: Found, given: Rule, content: MessageContent): Promise<Schedule | null> {
    const { named, stored, now } = found;
    const known = ruleIn(found);
    const goesOn = sameTiming(known, given);
    const rule = goesOn ? { ...given, anchor: known.anchor } : given;
    const [text, tail] = [JSON.stringify(rule), encodeTail(content)];
    if (text === stored.rule && tail.equals(encodeTail(stored.content))) return toSchedule(named, stored);
    if (!goesOn && nextOf(rule, 0, now) === null) throw new NoOccurrence();
    const after = goesOn && stored.nextAt !== null ? stored.nextAt - 1 : now;
    const nextAt = stored.paused ? null : nextOf(rule, stored.sent, after);
    const isWritten = await this.write(found, nextAt, { rule: text, tail });
    return isWritten ? toSchedule(named, { ...stored, rule: text, content, nextAt }) : null;
  }

  private async write(
    { named: { queue, id }, stored }: Found,
    nextAt: number | null,
    fields: Readonly<Record<string, string | number | Buffer>>,
  ): Promise<boolean> {
    const reply = await this.timers.follow(queue, this.store.put(queue, id, stored, nextAt, fields));
    return reply?.outcome === 'done';
  }

  private async find(name: string): Promise<Named> {
    const named = await this.store.find(name);
    if (named === null) throw new ScheduleNotFound(name);
    return named;
  }

  private async read(name: string): Promise<Found> {
    const named = await this.find(name);
    const { schedules, now } = await this.store.show(named.queue, [named.id]);
    const [stored] = schedules;
    if (!stored) throw new ScheduleNotFound(name);
    return { named, stored, now };
  }
}

const ruleIn = ({ stored }: Found) => JSON.parse(stored.rule) as Rule;

/** @throws MessageTooLarge */
function contentOf({ message: { groupId, ...message } }: PutSchedule, limit: number): MessageContent {
  const made = toNewMessage({ ...message, delayMs: 0, ...(groupId !== null && { groupId }) }, limit);
  if (made instanceof Problem) throw made;
  return made.content;
}
