import type { PutSchedule } from '@syncline/contracts';
import { dueOf, jitterOf, nextOf, type Rule, ruleOf } from './rule.js';

const NOW = 1_000_000;
const given: PutSchedule = {
  queue: 'reports',
  cron: null,
  everyMs: 1_000,
  timeZone: 'UTC',
  message: { body: 1, headers: {}, priority: 0, groupId: null },
  missed: 'once',
  jitterMs: 0,
  startAt: null,
  endAt: null,
  limit: null,
};
const ruleFor = (some: Partial<PutSchedule>): Rule => ruleOf({ ...given, ...some }, NOW);
const due = (some: Partial<PutSchedule>, lateMs: number, sent = 0) =>
  dueOf(ruleFor(some), { at: NOW + 1_000, sent }, NOW + 1_000 + lateMs);
const atSeconds = (...seconds: number[]) => seconds.map((second) => NOW + second * 1_000);

describe('what is due of a schedule', () => {
  it.each(['once', 'skip', 'all'] as const)('is its occurrence, with missed: %s', (missed) => {
    expect(due({ missed }, 0)).toEqual({ occurrences: atSeconds(1), nextAt: NOW + 2_000 });
    expect(due({ missed }, 999)).toEqual({ occurrences: atSeconds(1), nextAt: NOW + 2_000 });
  });

  it('is one message for all that were missed', () => {
    expect(due({ missed: 'once' }, 60_500)).toEqual({ occurrences: atSeconds(61), nextAt: NOW + 62_000 });
    const hourly = { everyMs: 3_600_000, missed: 'once' } as const;
    expect(due(hourly, 60_000).occurrences).toEqual(atSeconds(1));
  });

  it('is none that is late by more than five seconds, when they are to be skipped', () => {
    const hourly = { cron: '0 * * * *', everyMs: null, missed: 'skip' } as const;
    expect(due(hourly, 5_000).occurrences).toEqual(atSeconds(1));
    expect(due(hourly, 5_001)).toEqual({ occurrences: [], nextAt: 3_600_000 });
  });

  it('is every one that was missed, and of too many the latest', () => {
    expect(due({ missed: 'all' }, 3_500)).toEqual({
      occurrences: atSeconds(1, 2, 3, 4),
      nextAt: NOW + 5_000,
    });
    const { occurrences } = due({ missed: 'all' }, 86_400_000);
    expect(occurrences).toHaveLength(1_000);
    expect(occurrences.at(-1)).toBe(NOW + 86_401_000);
    expect(occurrences[0]).toBe(NOW + 85_402_000);
  });

  it('ends exactly with the limit and with the end', () => {
    expect(due({ missed: 'all', limit: 5 }, 9_000, 3)).toEqual({
      occurrences: atSeconds(1, 2),
      nextAt: null,
    });
    expect(due({ limit: 5 }, 0, 3)).toEqual({ occurrences: atSeconds(1), nextAt: NOW + 2_000 });
    expect(due({ limit: 5 }, 0, 4)).toEqual({ occurrences: atSeconds(1), nextAt: null });
    const endAt = new Date(NOW + 3_000).toISOString();
    expect(due({ missed: 'all', endAt }, 9_000)).toEqual({ occurrences: atSeconds(1, 2, 3), nextAt: null });
    expect(due({ missed: 'once', endAt }, 9_000)).toEqual({ occurrences: atSeconds(3), nextAt: null });
    expect(due({ endAt }, 1_500)).toEqual({ occurrences: atSeconds(2), nextAt: NOW + 3_000 });
    expect(nextOf(ruleFor({ limit: 5 }), 5, NOW)).toBeNull();
  });
});

describe('the jitter of an occurrence', () => {
  it('is within its bound, spread, and the same for every node', () => {
    const rule = ruleFor({ jitterMs: 100 });
    const jitters = Array.from({ length: 200 }, (_, i) => jitterOf(rule, 'id', NOW + i * 1_000));
    expect(Math.min(...jitters)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...jitters)).toBeLessThanOrEqual(100);
    expect(new Set(jitters).size).toBeGreaterThan(50);
    expect(jitterOf(rule, 'id', NOW)).toBe(jitters[0]);
    expect(jitterOf(ruleFor({}), 'id', NOW)).toBe(0);
  });
});
