import { z } from 'zod';
import { cronFault, zoneFault } from './cron.js';
import {
  durationMs,
  instantSchema,
  jsonSchema,
  nameCursorSchema,
  namePrefixSchema,
  nameSchema,
  nextNameSchema,
  pageLimitSchema,
} from './fields.js';
import { headersSchema, idTextSchema, messageIdSchema } from './message.js';
import { YEAR_MS } from './queue.js';

/** Most schedules of one queue. */
export const MAX_SCHEDULES = 1_000;
const DAY_MS = 86_400_000;

const givenInstantSchema = z.iso.datetime({ offset: true }).meta({ example: '2026-01-31T09:30:00.000Z' });

const messageSchema = z
  .strictObject({
    body: jsonSchema.describe('Any JSON value'),
    headers: headersSchema.default({}),
    priority: z.int().min(0).max(9).default(0).describe('Higher first'),
    groupId: idTextSchema.nullable().default(null).describe('Null: no group'),
  })
  .describe('What each occurrence sends');

const shape = {
  queue: nameSchema.describe('Where the messages go'),
  cron: z
    .string()
    .min(1)
    .max(256)
    .nullable()
    .describe('Minute, hour, day of month, month and day of week; six fields begin with the second')
    .meta({ example: '0 9 * * MON-FRI' }),
  everyMs: durationMs(100, YEAR_MS).nullable().describe('Or one message each so many milliseconds'),
  timeZone: z.string().min(1).max(64).describe('IANA name: the clock that `cron` is read by'),
  missed: z
    .enum(['once', 'skip', 'all'])
    .describe(
      'Of occurrences that nobody could send in time: `once`: only the latest is sent. `skip`: nor is that one when it is more than 5 s late. `all`: each is sent, of more than 1,000 the latest',
    ),
  jitterMs: durationMs(0, DAY_MS).describe(
    'Each message is delayed by up to so long, for the same occurrence always by as much',
  ),
  limit: z.int().min(1).nullable().describe('Most messages in all'),
};

export const putScheduleSchema = z
  .strictObject({
    ...shape,
    cron: shape.cron.default(null),
    everyMs: shape.everyMs.default(null),
    timeZone: shape.timeZone.default('UTC'),
    message: messageSchema,
    missed: shape.missed.default('once'),
    jitterMs: shape.jitterMs.default(0),
    startAt: givenInstantSchema
      .nullable()
      .default(null)
      .describe('The earliest occurrence; with `everyMs` also the first one. Default: one interval from now'),
    endAt: givenInstantSchema.nullable().default(null).describe('The latest occurrence'),
    limit: shape.limit.default(null),
  })
  .refine(({ cron, everyMs }) => (cron === null) !== (everyMs === null), {
    path: ['cron'],
    error: 'expected either cron or everyMs',
  })
  .superRefine(({ cron, timeZone }, context) => {
    const fault = zoneFault(timeZone) ?? (cron === null ? undefined : cronFault(timeZone, cron));
    if (fault) context.addIssue({ code: 'custom', path: [fault.path], message: fault.message });
  })
  .refine(
    ({ startAt, endAt }) => startAt === null || endAt === null || Date.parse(startAt) <= Date.parse(endAt),
    {
      path: ['endAt'],
      error: 'expected startAt or later',
    },
  )
  .meta({
    id: 'PutSchedule',
    example: {
      queue: 'reports',
      cron: '0 9 * * MON-FRI',
      timeZone: 'Europe/Berlin',
      message: { body: { report: 'daily' } },
    },
  });
export type PutSchedule = z.infer<typeof putScheduleSchema>;

const firedSchema = z.strictObject({
  at: instantSchema.describe('The occurrence'),
  messageId: messageIdSchema.describe('Made of the schedule and the occurrence'),
});

export const scheduleSchema = z
  .strictObject({
    name: nameSchema,
    ...shape,
    message: z
      .strictObject({
        body: z.unknown().describe('Any JSON value'),
        headers: z.record(z.string(), z.string()).describe('Names and texts that go with the body'),
        priority: z.int().describe('0 to 9, higher first'),
        groupId: z.string().nullable().describe('Null: no group'),
      })
      .describe('What each occurrence sends'),
    startAt: instantSchema.nullable().describe('The earliest occurrence; null: no bound'),
    endAt: instantSchema.nullable().describe('The latest occurrence; null: no bound'),
    paused: z.boolean().describe('Whether it sends nothing until it is resumed'),
    sent: z.int().describe('Messages of occurrences so far, those of `run` not counted'),
    nextAt: instantSchema.nullable().describe('The next occurrence; null when it is paused or over'),
    next: z.array(instantSchema).describe('The next five'),
    last: z.array(firedSchema).describe('The five that were sent last, the latest first'),
  })
  .meta({
    id: 'Schedule',
    example: {
      name: 'daily-report',
      queue: 'reports',
      cron: '0 9 * * MON-FRI',
      everyMs: null,
      timeZone: 'Europe/Berlin',
      missed: 'once',
      jitterMs: 0,
      limit: null,
      message: { body: { report: 'daily' }, headers: {}, priority: 0, groupId: null },
      startAt: null,
      endAt: null,
      paused: false,
      sent: 1,
      nextAt: '2026-02-02T08:00:00.000Z',
      next: [
        '2026-02-02T08:00:00.000Z',
        '2026-02-03T08:00:00.000Z',
        '2026-02-04T08:00:00.000Z',
        '2026-02-05T08:00:00.000Z',
        '2026-02-06T08:00:00.000Z',
      ],
      last: [{ at: '2026-01-30T08:00:00.000Z', messageId: '8c2f4b1a90de77c3.1769760000000' }],
    },
  });
export type Schedule = z.infer<typeof scheduleSchema>;

export const listSchedulesQuerySchema = z.strictObject({
  prefix: namePrefixSchema,
  cursor: nameCursorSchema,
  limit: pageLimitSchema,
});
export const schedulesSchema = z
  .strictObject({
    schedules: z.array(scheduleSchema).describe('In the order of their names'),
    cursor: nextNameSchema.describe('Null at the end. Earlier pages may be short too'),
  })
  .meta({
    id: 'Schedules',
    example: { schedules: [scheduleSchema.meta()?.example as Schedule], cursor: null },
  });
export type Schedules = z.infer<typeof schedulesSchema>;

export const scheduleRunSchema = firedSchema.extend({ at: instantSchema.describe('Now') }).meta({
  id: 'ScheduleRun',
  example: { at: '2026-01-31T09:30:00.000Z', messageId: '1795409663123456-0' },
});
export type ScheduleRun = z.infer<typeof scheduleRunSchema>;
