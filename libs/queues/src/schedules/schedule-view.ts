import { type Schedule, toInstant } from '@syncline/contracts';
import type { Named } from '../redis/schedule.store.js';
import type { StoredSchedule } from '../redis/scripts/schedules.js';
import { Recurrence } from './recurrence.js';
import type { Rule } from './rule.js';

const SHOWN = 5;

export function toSchedule({ name, queue }: Named, stored: StoredSchedule): Schedule {
  const { content, paused, sent, nextAt, last } = stored;
  const rule = JSON.parse(stored.rule) as Rule;
  const { cron, everyMs, timeZone, missed, jitterMs, limit, startAt, endAt } = rule;
  const { headers, priority, groupId } = content;
  const left = Math.min(SHOWN, (limit ?? Number.POSITIVE_INFINITY) - sent);
  const next =
    nextAt === null ? [] : [nextAt, ...new Recurrence(rule).upcoming(nextAt, SHOWN)].slice(0, left);
  return {
    ...{ name, queue, cron, everyMs, timeZone, missed, jitterMs, limit },
    message: { body: JSON.parse(content.body) as unknown, headers, priority, groupId },
    startAt: startAt === null ? null : toInstant(startAt),
    endAt: endAt === null ? null : toInstant(endAt),
    ...{ paused, sent },
    nextAt: nextAt === null ? null : toInstant(nextAt),
    next: next.map(toInstant),
    last: last.map(({ at, messageId }) => ({ at: toInstant(at), messageId })),
  };
}
