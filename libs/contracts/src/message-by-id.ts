import { z } from 'zod';
import { ATTEMPT_EXAMPLE, attemptsSchema, reasonSchema } from './attempt.js';
import { durabilitySchema } from './durability.js';
import { durationMs, instantSchema } from './fields.js';
import { MESSAGE_EXAMPLE, messageIdSchema, messageShape, RECEIPT_EXAMPLE } from './message.js';
import { YEAR_MS } from './queue.js';
import { receiptsSchema } from './receipt.js';

const waitMsSchema = z.coerce.number().int().min(0).max(30_000).default(0);

/** Any text: what is no id names no message. */
export const messageIdParamSchema = messageIdSchema.max(256).toLowerCase();

export const showMessageQuerySchema = z.strictObject({
  waitMs: waitMsSchema.describe('Wait until the message has ended, at most so long'),
});

const whySchema = z
  .strictObject({
    kind: z
      .enum(['paused', 'delayed', 'group', 'rate', 'inFlightLimit', 'none'])
      .describe(
        'The queue is paused; its delay; an earlier message of its group; the rate limit; `maxInFlight`',
      ),
    until: instantSchema.nullable().describe('When it ends, as far as that is known'),
    blockedBy: messageIdSchema.nullable().describe('The message of its group that goes first'),
  })
  .describe('What keeps it from being delivered; `none`: nothing does, it was delivered, or it has ended');

export const shownMessageSchema = z
  .strictObject({
    ...messageShape,
    state: z
      .enum(['ready', 'delayed', 'inFlight', 'dead', 'done', 'cancelled'])
      .describe('`done`: acknowledged; it and `cancelled` are shown for the `keepResultsMs` of the queue'),
    enqueuedAt: instantSchema
      .nullable()
      .describe('Null when only its end is known; then its body is null, too'),
    availableAt: instantSchema
      .nullable()
      .describe('When it becomes ready: the end of its delay or of its visibility timeout; else null'),
    receiveCount: z.int().describe('Deliveries so far'),
    attempts: attemptsSchema,
    progress: z.unknown().describe('How far its receiver is, as it told last; null when it told nothing'),
    result: z.unknown().describe('What its receiver acknowledged it with; null when there is none'),
    why: whySchema,
  })
  .meta({
    id: 'ShownMessage',
    example: {
      ...MESSAGE_EXAMPLE,
      state: 'delayed',
      availableAt: '2026-01-31T09:30:31.250Z',
      receiveCount: 1,
      attempts: [ATTEMPT_EXAMPLE],
      progress: null,
      result: null,
      why: { kind: 'delayed', until: '2026-01-31T09:30:31.250Z', blockedBy: null },
    },
  });
/** A message as its id finds it. */
export type ShownMessage = z.infer<typeof shownMessageSchema>;

export const rescheduleSchema = z
  .strictObject({
    delayMs: durationMs(0, YEAR_MS).optional().describe('Counted from now; 0: ready at once'),
    priority: z.int().min(0).max(9).optional().describe('Higher first'),
  })
  .refine(({ delayMs, priority }) => delayMs !== undefined || priority !== undefined, {
    error: 'expected delayMs or priority',
  })
  .meta({ id: 'Reschedule', example: { delayMs: 0, priority: 9 } });
export type Reschedule = z.infer<typeof rescheduleSchema>;

export const cancelSchema = z
  .strictObject({
    reason: reasonSchema.optional().describe('The worker that has it is told; at most 256 bytes'),
  })
  .default({})
  .meta({ id: 'Cancel', example: { reason: 'the order was withdrawn' } });
export type Cancel = z.infer<typeof cancelSchema>;

export const cancelledSchema = z
  .strictObject({
    status: z.literal('cancelled').describe('It will not be delivered again'),
    durability: durabilitySchema.describe('How safe this change is: the level of the queue'),
  })
  .meta({ id: 'Cancelled', example: { status: 'cancelled', durability: 'local' } });
export type Cancelled = z.infer<typeof cancelledSchema>;

export const watchSchema = z
  .strictObject({
    receipts: receiptsSchema,
    waitMs: durationMs(0, 30_000).default(0).describe('How long to wait while none is cancelled'),
  })
  .meta({ id: 'Watch', example: { receipts: [RECEIPT_EXAMPLE], waitMs: 20_000 } });
export type Watch = z.infer<typeof watchSchema>;

export const watchedSchema = z
  .strictObject({
    cancelled: z
      .array(
        z.strictObject({
          receipt: z.string().describe('As it was sent'),
          reason: z.string().nullable().describe('What the canceller gave; null: nothing'),
        }),
      )
      .describe('Those whose message was cancelled; empty when the time is over'),
  })
  .meta({
    id: 'Watched',
    example: { cancelled: [{ receipt: RECEIPT_EXAMPLE, reason: 'the order was withdrawn' }] },
  });
export type Watched = z.infer<typeof watchedSchema>;
