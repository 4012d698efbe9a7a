import fc from 'fast-check';
import { Recurrence, type Timing } from './recurrence.js';

const NOTHING: Timing = { cron: null, everyMs: null, timeZone: 'UTC', startAt: null, endAt: null, anchor: 0 };
const ms = (instant: string) => Date.parse(instant);
const shown = (instants: readonly number[]) =>
  instants.map((at) => new Date(at).toISOString().replace(':00.000Z', 'Z'));
const cronIn = (timeZone: string, cron: string) => (from: string, count: number) =>
  shown(new Recurrence({ ...NOTHING, cron, timeZone }).upcoming(ms(from), count));

describe('a recurrence where the clocks change', () => {
  it('in New York has a daily occurrence each day once: after the hour that there is not, and the first of two', () => {
    expect(cronIn('America/New_York', '30 2 * * *')('2026-03-07T00:00Z', 3)).toEqual([
      '2026-03-07T07:30Z',
      '2026-03-08T07:00Z',
      '2026-03-09T06:30Z',
    ]);
    expect(cronIn('America/New_York', '30 1 * * *')('2026-10-31T00:00Z', 3)).toEqual([
      '2026-10-31T05:30Z',
      '2026-11-01T05:30Z',
      '2026-11-02T06:30Z',
    ]);
  });

  it('in New York has hourly occurrences an hour apart', () => {
    const hourly = cronIn('America/New_York', '0 * * * *');
    expect(hourly('2026-03-08T05:30Z', 4)).toEqual([6, 7, 8, 9].map((hour) => `2026-03-08T0${hour}:00Z`));
    expect(hourly('2026-11-01T03:30Z', 4)).toEqual([4, 5, 6, 7].map((hour) => `2026-11-01T0${hour}:00Z`));
  });

  it('on Lord Howe Island, whose clocks change by half an hour, has a daily occurrence each day once', () => {
    expect(cronIn('Australia/Lord_Howe', '15 2 * * *')('2026-10-02T00:00Z', 3)).toEqual([
      '2026-10-02T15:45Z',
      '2026-10-03T15:30Z',
      '2026-10-04T15:15Z',
    ]);
    expect(cronIn('Australia/Lord_Howe', '45 1 * * *')('2026-04-03T00:00Z', 3)).toEqual([
      '2026-04-03T14:45Z',
      '2026-04-04T14:45Z',
      '2026-04-05T15:15Z',
    ]);
  });

  it('in Sao Paulo, where a day began at one, has an occurrence at its beginning', () => {
    const daily = cronIn('America/Sao_Paulo', '0 0 * * *');
    expect(daily('2018-11-03T00:00Z', 3)).toEqual([
      '2018-11-03T03:00Z',
      '2018-11-04T03:00Z',
      '2018-11-05T02:00Z',
    ]);
    expect(daily('2018-02-17T00:00Z', 3)).toEqual([
      '2018-02-17T02:00Z',
      '2018-02-18T03:00Z',
      '2018-02-19T03:00Z',
    ]);
  });
});

describe('a recurrence', () => {
  it('counts milliseconds from its start, which is the first one, or from an interval after it was made', () => {
    const every = { ...NOTHING, everyMs: 1_000, anchor: 10_500 };
    expect(new Recurrence(every).upcoming(10_500, 3)).toEqual([11_500, 12_500, 13_500]);
    const from = new Recurrence({ ...every, startAt: 10_500 });
    expect(from.upcoming(0, 2)).toEqual([10_500, 11_500]);
    expect(from.upcoming(12_700, 1)).toEqual([13_500]);
  });

  it('ends with its end, which may be the last one', () => {
    const timing = { ...NOTHING, everyMs: 1_000, anchor: 0, startAt: 0 };
    expect(new Recurrence({ ...timing, endAt: 2_000 }).upcoming(-1, 9)).toEqual([0, 1_000, 2_000]);
    expect(new Recurrence({ ...timing, endAt: 1_999 }).upcoming(-1, 9)).toEqual([0, 1_000]);
    const minutes = { ...NOTHING, cron: '* * * * *', startAt: 60_000, endAt: 120_000 };
    expect(new Recurrence(minutes).upcoming(0, 9)).toEqual([60_000, 120_000]);
    expect(new Recurrence(minutes).between(60_000, 600_000, 1)).toEqual([120_000]);
  });

  it('tells the latest of many without having to go through all of them', () => {
    const timing = fc.oneof(
      fc.record({ everyMs: fc.integer({ min: 700, max: 90_000 }), cron: fc.constant(null) }),
      fc.record({
        everyMs: fc.constant(null),
        cron: fc.constantFrom('*/7 * * * * *', '* * * * *', '*/10 1,2 * * *', '30 2 * * *', '0 */6 * * *'),
      }),
    );
    const zone = fc.constantFrom('UTC', 'America/New_York', 'Australia/Lord_Howe');
    const from = fc.constantFrom(ms('2026-03-07T12:00Z'), ms('2026-10-31T12:00Z'), ms('2026-04-04T00:00Z'));
    const span = fc.oneof(fc.integer({ max: 200_000 }), fc.integer({ max: 86_400_000 }));
    fc.assert(
      fc.property(
        timing,
        zone,
        from,
        span,
        fc.integer({ min: 1, max: 5 }),
        (given, timeZone, at, spanMs, count) => {
          const recurrence = new Recurrence({ ...NOTHING, ...given, timeZone, anchor: at - 60_000 });
          const first = recurrence.next(at) as number;
          const until = first + Math.abs(spanMs);
          const all = recurrence.upcoming(first - 1, 150).filter((one) => one <= until);
          if (all.length < 150) expect(recurrence.between(first, until, count)).toEqual(all.slice(-count));
        },
      ),
      { numRuns: 40 },
    );
  });
});
