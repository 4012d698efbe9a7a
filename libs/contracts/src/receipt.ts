import { z } from 'zod';
import { detailSchema, reasonSchema } from './attempt.js';
import { batchItem, refusedItemSchema } from './batch.js';
import { durationMs, jsonSchema, nameSchema } from './fields.js';
import { MAX_BATCH, metSchema, newMessageSchema, RECEIPT_EXAMPLE } from './message.js';
import { visibilitySchema, YEAR_MS } from './queue.js';

/** Largest result and progress of a message, in bytes of JSON. */
export const MAX_RESULT_BYTES = 262_144;
export const MAX_PROGRESS_BYTES = 4_096;
const valueWithin = (bytes: number) =>
  jsonSchema.refine(
    (value) => new TextEncoder().encode(JSON.stringify(value)).length <= bytes,
    `expected at most ${bytes} bytes of JSON`,
  );
export const receiptsSchema = z
  .array(batchItem(z.string()))
  .min(1)
  .max(MAX_BATCH)
  .describe('Of the deliveries, as `receive` gave them; each is judged by itself');
/** A string that is not a receipt is refused by itself. A receipt of an ended delivery is `stale`. */
export type Receipts = z.infer<typeof receiptsSchema>;

/** Most messages that one acknowledgement sends. */
export const MAX_CHAIN = 10;
const chainedMessageSchema = newMessageSchema.safeExtend({
  queue: nameSchema.describe('Where it goes; this queue or another one, which is made when there is none'),
});
export type ChainedMessage = z.infer<typeof chainedMessageSchema>;

export const ackSchema = z
  .strictObject({
    receipts: receiptsSchema,
    results: z
      .array(batchItem(valueWithin(MAX_RESULT_BYTES)))
      .optional()
      .describe('What came of each message, kept for the `keepResultsMs` of the queue; null: nothing'),
    send: z
      .array(chainedMessageSchema)
      .max(MAX_CHAIN)
      .optional()
      .describe(
        'Messages that are sent in the same step, beside a single receipt: all of them when it is acknowledged, none when it is stale, and none again when the call is repeated',
      ),
  })
  .refine(({ receipts, results = receipts }) => results.length === receipts.length, {
    path: ['results'],
    error: 'expected as many as there are receipts',
  })
  .refine(({ receipts, send = [] }) => send.length === 0 || receipts.length === 1, {
    path: ['send'],
    error: 'expected a single receipt beside it',
  })
  .meta({
    id: 'Ack',
    example: {
      receipts: [RECEIPT_EXAMPLE],
      results: [{ invoice: 'R-1042' }],
      send: [{ queue: 'mails', body: { invoice: 'R-1042' } }],
    },
  });
export type Ack = z.infer<typeof ackSchema>;
export const nackSchema = z
  .strictObject({
    receipts: receiptsSchema,
    delayMs: durationMs(0, YEAR_MS)
      .optional()
      .describe("Default: the queue's back-off after a failure, else 0"),
    countsAs: z
      .enum(['failure', 'none'])
      .default('failure')
      .describe(
        '`none`: given back unhandled, for example by a worker that stops; counts neither in `receiveCount` nor for `maxReceives`',
      ),
    dead: z
      .boolean()
      .default(false)
      .describe('A dead letter at once, whatever deliveries are left and whatever `countsAs` says'),
    reason: reasonSchema.optional().describe('Kept with the attempt; at most 256 bytes'),
    detail: detailSchema.optional().describe('Kept with the attempt, for example a stack; at most 4 KiB'),
  })
  .meta({
    id: 'Nack',
    example: { receipts: [RECEIPT_EXAMPLE], delayMs: 5_000, reason: 'TimeoutError: no answer from the bank' },
  });
export type Nack = z.infer<typeof nackSchema>;
export const extendSchema = z
  .strictObject({
    receipts: receiptsSchema,
    visibilityTimeoutMs: visibilitySchema.describe('Counted from now'),
    progress: valueWithin(MAX_PROGRESS_BYTES)
      .optional()
      .describe('How far their receiver is, shown with each message; at most 4 KiB'),
  })
  .meta({
    id: 'Extend',
    example: { receipts: [RECEIPT_EXAMPLE], visibilityTimeoutMs: 60_000, progress: { percent: 40 } },
  });
export type Extend = z.infer<typeof extendSchema>;

const resultsSchema = <const Status extends readonly [string, ...string[]]>(
  id: string,
  ...statuses: Status
) =>
  z
    .strictObject({
      results: z
        .array(
          z.union([
            z.strictObject({
              receipt: z.string().describe('As it was sent'),
              status: z
                .enum(statuses)
                .describe('`stale`: that delivery is over, and others may have the message'),
            }),
            refusedItemSchema.extend({ receipt: z.string().optional().describe('As it was sent') }),
          ]),
        )
        .describe('In the order of the request'),
      durability: metSchema,
    })
    .meta({
      id,
      example: { results: [{ receipt: RECEIPT_EXAMPLE, status: statuses[0] }], durability: 'local' },
    });

export const ackedSchema = resultsSchema('Acked', 'acked', 'stale');
export const nackedSchema = resultsSchema('Nacked', 'requeued', 'dead', 'expired', 'stale');
export const extendedSchema = resultsSchema('Extended', 'extended', 'stale');
export type Acked = z.infer<typeof ackedSchema>;
export type Nacked = z.infer<typeof nackedSchema>;
export type Extended = z.infer<typeof extendedSchema>;
