import { z } from 'zod';
import { attemptsSchema } from './attempt.js';
import { batchItem, refusedItemSchema } from './batch.js';
import { durabilitySchema } from './durability.js';
import {
  durationMs,
  ILL_FORMED,
  instantSchema,
  isWellFormed,
  jsonSchema,
  nameSchema,
  pageLimitSchema,
} from './fields.js';
import { deduplicationWindowSchema, MAX_MESSAGE_BYTES, receiveVisibilitySchema, YEAR_MS } from './queue.js';

/** Largest body of a request that sends messages: the largest message, in which JSON takes two bytes for a quotation mark or a line break. */
export const MAX_SEND_BYTES = 2 * MAX_MESSAGE_BYTES + 65_536;
/** Most messages or receipts in one call. */
export const MAX_BATCH = 1_000;
export const idTextSchema = z.string().min(1).max(256).refine(isWellFormed, ILL_FORMED);

/** Not `z.record`, which drops a header named `__proto__`. */
export const headersSchema = z
  .unknown()
  .superRefine((headers, context) => {
    const refuse = (message: string, ...path: string[]) =>
      context.addIssue({ code: 'custom', message, path });
    if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
      return refuse('expected an object of strings');
    }
    for (const [name, value] of Object.entries(headers)) {
      if (typeof value !== 'string') return refuse('expected a string', name);
      if (!isWellFormed(name) || !isWellFormed(value)) return refuse(ILL_FORMED, name);
    }
  })
  .meta({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Names and texts that go with the body',
  }) as unknown as z.ZodType<Readonly<Record<string, string>>, Readonly<Record<string, string>>>;

const deduplicationSchema = z
  .strictObject({
    id: idTextSchema.describe('Chosen by the sender'),
    windowMs: deduplicationWindowSchema
      .optional()
      .describe('Default: the `deduplicationWindowMs` of the queue'),
    keep: z
      .enum(['first', 'last'])
      .default('first')
      .describe(
        '`last`: while the earlier message waits it gets the content of this one, and its delay; one that is in flight or has ended is followed by a new message',
      ),
    until: z
      .enum(['sent', 'acked'])
      .default('sent')
      .describe(
        '`sent`: remembered for `windowMs` from the sending on; `acked`: until the message was acknowledged, cancelled or otherwise ended, however long that takes',
      ),
  })
  .describe('The same `id` again is the same message');

export const newMessageSchema = z
  .strictObject({
    body: jsonSchema.describe('Any JSON value'),
    headers: headersSchema.default({}),
    delayMs: durationMs(0, YEAR_MS).default(0).describe('Ready only after so long'),
    priority: z.int().min(0).max(9).default(0).describe('Higher first'),
    groupId: idTextSchema.optional().describe('Messages of a group are delivered in the order of sending'),
    deduplicationId: idTextSchema
      .optional()
      .describe('The same again within the `deduplicationWindowMs` of the queue is the same message'),
    deduplication: deduplicationSchema.optional(),
    ttlMs: durationMs(1, YEAR_MS).optional().describe('Dropped when not received within this time'),
  })
  .refine(
    ({ deduplication, deduplicationId }) => deduplication === undefined || deduplicationId === undefined,
    { path: ['deduplication'], error: 'expected deduplicationId or deduplication, not both' },
  )
  .refine(({ delayMs, ttlMs = Number.POSITIVE_INFINITY }) => delayMs < ttlMs, {
    path: ['delayMs'],
    error: 'expected less than ttlMs: the message would expire before it is due',
  });
export type NewMessage = z.infer<typeof newMessageSchema>;

export const sendSchema = z
  .strictObject({
    messages: z
      .array(batchItem(newMessageSchema))
      .min(1)
      .max(MAX_BATCH)
      .describe('Each is judged by itself: one that is refused does not hold up the others'),
  })
  .meta({
    id: 'Send',
    example: {
      messages: [{ body: { orderId: 42 }, headers: { source: 'shop' }, groupId: 'customer-7', priority: 5 }],
    },
  });
export type Send = z.infer<typeof sendSchema>;

export const messageIdSchema = z
  .string()
  .meta({ example: '1795409663123456-0', description: 'Id of the message' });

/** The level of the queue, which was met before the answer. */
export const metSchema = durabilitySchema.describe('How safe this change is: the level of the queue');

export const sentSchema = z
  .strictObject({
    messages: z
      .array(
        z.union([
          z.strictObject({
            id: messageIdSchema,
            deduplicated: z
              .boolean()
              .describe('Whether an earlier message counts as this one; `id` is its id'),
          }),
          refusedItemSchema,
        ]),
      )
      .describe('In the order of the request'),
    durability: metSchema,
  })
  .meta({
    id: 'Sent',
    example: { messages: [{ id: '1795409663123456-0', deduplicated: false }], durability: 'local' },
  });
export type Sent = z.infer<typeof sentSchema>;

export const receiveSchema = z
  .strictObject({
    max: z.int().min(1).max(MAX_BATCH).default(1).describe('Most messages of the answer'),
    waitMs: durationMs(0, 30_000).default(0).describe('How long to wait while there is none; 0: not at all'),
    visibilityTimeoutMs: receiveVisibilitySchema.optional().describe("Default: the queue's"),
  })
  .meta({ id: 'Receive', example: { max: 10, waitMs: 20_000 } });
export type Receive = z.infer<typeof receiveSchema>;

const deadLetterSchema = z
  .strictObject({
    queue: nameSchema.describe('The original queue'),
    reason: z.enum(['max-receives', 'rejected']).describe('`rejected`: by a nack with `dead`'),
    receiveCount: z.int().describe('Deliveries that failed'),
    enqueuedAt: instantSchema.describe('When it was sent first'),
    deadAt: instantSchema.describe('When it became a dead letter'),
    attempts: attemptsSchema,
  })
  .describe('Why a message is a dead letter; only dead letters have it');
/** History of a dead letter. */
export type DeadLetter = z.infer<typeof deadLetterSchema>;

export const messageShape = {
  id: messageIdSchema,
  body: z.unknown().describe('As it was sent'),
  headers: z.record(z.string(), z.string()).describe('As they were sent'),
  enqueuedAt: instantSchema.describe('When it was sent'),
  priority: z.int().describe('0 to 9, higher first'),
  groupId: z.string().nullable().describe('Null: it has no group'),
  deadLetter: deadLetterSchema.optional(),
};
export const MESSAGE_EXAMPLE = {
  id: '1795409663123456-0',
  body: { orderId: 42 },
  headers: { source: 'shop' },
  enqueuedAt: '2026-01-31T09:30:00.000Z',
  priority: 5,
  groupId: 'customer-7',
};
export const RECEIPT_EXAMPLE = '1795409663123456.1s.1.5k.mi8k3x0g.kQ4nXo1r0cPvY2bd';

export const receivedSchema = z
  .strictObject({
    messages: z
      .array(
        z.strictObject({
          ...messageShape,
          receipt: z.string().describe('Of this delivery: for ack, nack and extend'),
          receiveCount: z.int().describe('Deliveries so far, this one counted'),
          visibleUntil: instantSchema.describe('Unless it was answered by then, others get it'),
        }),
      )
      .describe('Empty when there was none'),
  })
  .meta({
    id: 'Received',
    example: {
      messages: [
        {
          ...MESSAGE_EXAMPLE,
          receipt: RECEIPT_EXAMPLE,
          receiveCount: 1,
          visibleUntil: '2026-01-31T09:30:30.000Z',
        },
      ],
    },
  });
export type Received = z.infer<typeof receivedSchema>;
export type ReceivedMessage = Received['messages'][number];

/** The cursor of ready messages is a number; the others also have the due time. */
export const CURSORS = {
  ready: /^\d{1,16}$/,
  delayed: /^\d{1,16}:\d{1,16}$/,
  inFlight: /^\d{1,16}:\d{1,16}$/,
};

export const browseQuerySchema = z
  .strictObject({
    state: z.enum(['ready', 'delayed', 'inFlight']).describe('Messages in this state'),
    cursor: z.string().optional().describe('`cursor` of the previous page of the same state'),
    limit: pageLimitSchema,
  })
  .refine(({ state, cursor }) => cursor === undefined || CURSORS[state].test(cursor), {
    path: ['cursor'],
    error: 'expected the cursor of a page of the same state',
  });
export type BrowseQuery = z.infer<typeof browseQuerySchema>;

export const browsedMessageSchema = z.strictObject({
  ...messageShape,
  receiveCount: z.int().describe('Deliveries so far'),
  availableAt: instantSchema.nullable().describe('When it becomes ready; null when it is ready'),
});
export const browsedSchema = z
  .strictObject({
    messages: z.array(browsedMessageSchema).describe('In the order in which they are due'),
    cursor: z.string().nullable().describe('Null at the end. Earlier pages may be short too'),
  })
  .meta({
    id: 'Browsed',
    example: { messages: [{ ...MESSAGE_EXAMPLE, receiveCount: 0, availableAt: null }], cursor: null },
  });
export type Browsed = z.infer<typeof browsedSchema>;

export const purgedSchema = z
  .strictObject({ purged: z.int().describe('How many were removed') })
  .meta({ id: 'Purged', example: { purged: 1_200 } });
export type Purged = z.infer<typeof purgedSchema>;
