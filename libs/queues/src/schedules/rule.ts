import { createHash } from 'node:crypto';
import type { PutSchedule } from '@syncline/contracts';
import { Recurrence, type Timing } from './recurrence.js';

/** Most occurrences that are made up for. */
const MOST_MISSED = 1_000;
/** An occurrence that is later is missed: longer than another node takes to do what a dead one did not. */
const MISSED_MS = 5_000;

/** What a schedule does, as it is stored. */
export interface Rule extends Timing, Pick<PutSchedule, 'missed' | 'jitterMs' | 'limit'> {}

const toMs = (instant: string | null) => (instant === null ? null : Date.parse(instant));

/** @param now ms since 1970, by the clock of Redis */
export function ruleOf(given: PutSchedule, now: number): Rule {
  const { cron, everyMs, timeZone, missed, jitterMs, limit } = given;
  const startAt = toMs(given.startAt);
  const endAt = toMs(given.endAt);
  return { cron, everyMs, timeZone, startAt, endAt, anchor: startAt ?? now, missed, jitterMs, limit };
}

/** Whether two rules have the same occurrences, were there no end and no limit. */
export const sameTiming = (a: Rule, b: Rule): boolean =>
  a.cron === b.cron && a.everyMs === b.everyMs && a.timeZone === b.timeZone && a.startAt === b.startAt;

/** Where a schedule stands. */
export interface Standing {
  /** The occurrence that has come. */
  readonly at: number;
  /** How many it has sent. */
  readonly sent: number;
}

/** What is due of a schedule: occurrences to be sent, in order, and the next one, null for none. */
export function dueOf(rule: Rule, { at, sent }: Standing, now: number) {
  const recurrence = new Recurrence(rule);
  const due = recurrence.between(at, now, rule.missed === 'all' ? MOST_MISSED : 1);
  const isMissed = rule.missed === 'skip' && now - (due.at(-1) ?? at) > MISSED_MS;
  const left = (rule.limit ?? Number.POSITIVE_INFINITY) - sent;
  const occurrences = isMissed ? [] : due.slice(0, left);
  return { occurrences, nextAt: occurrences.length >= left ? null : recurrence.next(now) };
}

/** The next occurrence of a schedule that is not due; null when it has none. */
export function nextOf(rule: Rule, sent: number, now: number): number | null {
  return rule.limit !== null && sent >= rule.limit ? null : new Recurrence(rule).next(now);
}

/** How much later than its occurrence a message is: the same whoever asks. */
export function jitterOf({ jitterMs }: Rule, id: string, at: number): number {
  if (jitterMs === 0) return 0;
  return createHash('sha256').update(`${id} ${at}`).digest().readUInt32BE() % (jitterMs + 1);
}
