import { putScheduleSchema } from './schedule.js';

describe('the cron of a schedule', () => {
  const issuesOf = (cron: string, timeZone: string) =>
    putScheduleSchema.safeParse({ queue: 'q', cron, timeZone, message: { body: null } }).error?.issues ?? [];

  it.each([
    ['61 * * * *', 'UTC', 'cron', /minute/],
    ['every day', 'UTC', 'cron', /./],
    ['0 0 0 1 1 * 2027', 'UTC', 'cron', /./],
    ['2026-01-01T00:00:00Z', 'UTC', 'cron', /not a date/],
    ['0 0 30 2 *', 'UTC', 'cron', /no such date/],
    ['0 0 * * *', 'Berlin', 'timeZone', /Europe\/Berlin/],
  ])('is refused when it is %s in %s, with what is wrong', (cron, timeZone, path, why) => {
    expect(issuesOf(cron, timeZone)).toEqual([
      expect.objectContaining({ path: [path], message: expect.stringMatching(why) }),
    ]);
  });

  it('has five fields or six, and names', () => {
    expect(issuesOf('0 9 * * MON-FRI', 'Europe/Berlin')).toEqual([]);
    expect(issuesOf('*/10 0 9 29 2 *', 'UTC')).toEqual([]);
  });
});

it('a schedule with an interval is refused when its time zone is none', () => {
  const zoned = (timeZone: string) =>
    putScheduleSchema.safeParse({ queue: 'q', everyMs: 60_000, timeZone, message: { body: null } });
  expect(zoned('Mars/Olympus').error?.issues).toEqual([
    expect.objectContaining({ path: ['timeZone'], message: expect.stringMatching(/Europe\/Berlin/) }),
  ]);
  expect(zoned('Europe/Berlin').success).toBe(true);
});
