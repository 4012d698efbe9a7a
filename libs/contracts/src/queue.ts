import { z } from 'zod';
import { durabilitySchema } from './durability.js';
import {
  durationMs,
  nameCursorSchema,
  namePrefixSchema,
  nameSchema,
  nextNameSchema,
  pageLimitSchema,
} from './fields.js';

/** Longest delay, TTL or retention, in ms. */
export const YEAR_MS = 31_536_000_000;
const HALF_A_DAY_MS = 43_200_000;
export const visibilitySchema = durationMs(1, HALF_A_DAY_MS).describe(
  'After so long without an answer of its receiver a message is ready again, ms',
);
/** 0: a delivery that is over at once, and others may have the message. */
export const receiveVisibilitySchema = durationMs(0, HALF_A_DAY_MS);
const WEEK_MS = 604_800_000;
export const deduplicationWindowSchema = durationMs(1, WEEK_MS).describe(
  'How long a `deduplicationId` is remembered from the sending of its message on',
);

const keepResultsSchema = durationMs(0, YEAR_MS).describe(
  'How long a message is kept after it was acknowledged or cancelled, with its result; 0: it is gone at once',
);

/** The highest limit of what may be in flight. */
export const MOST_IN_FLIGHT = 1_000_000;
const maxInFlightSchema = z
  .int()
  .min(1)
  .max(MOST_IN_FLIGHT)
  .nullable()
  .describe('How many messages may be in flight at a time, over all receivers; null: any number');
const maxInFlightPerGroupSchema = z
  .int()
  .min(1)
  .max(MOST_IN_FLIGHT)
  .describe(
    'How many messages of a group may be in flight at a time. 1: one batch, and the order holds across retries; more: they are handed out in order, and none waits for another',
  );

const orderingSchema = z
  .enum(['group', 'fair'])
  .describe(
    '`group`: by priority, then by age; `fair`: within a priority groups take turns, one message each, and all messages without a group take turns as one group',
  );

/** Largest message that a queue can take, and what it takes when it is told nothing: headers and body together. */
export const MAX_MESSAGE_BYTES = 1_048_576;
export const DEFAULT_MESSAGE_BYTES = 262_144;
const maxMessageBytesSchema = z
  .int()
  .min(1)
  .max(MAX_MESSAGE_BYTES)
  .describe('Names and values of the headers plus the body: a string as text, any other value as JSON');

const backoffSchema = z
  .strictObject({
    baseMs: durationMs(1, YEAR_MS).describe('Delay before the first retry'),
    factor: z.number().min(1).max(100).describe('How many times as long each further one is'),
    maxMs: durationMs(1, YEAR_MS).describe('The longest delay'),
  })
  .refine(({ baseMs, maxMs }) => baseMs <= maxMs, 'baseMs must not be larger than maxMs')
  .nullable()
  .describe(
    'Delay before the n-th retry: baseMs * factor^(n-1), at most maxMs, less a random part of up to a fifth. Null: none',
  );
const rateLimitSchema = z
  .strictObject({
    max: z.int().min(1).max(1_000_000).describe('Most messages in a window'),
    perMs: durationMs(1, 86_400_000).describe('Length of the window'),
  })
  .nullable()
  .describe('In any window of `perMs`, over all nodes, at most `max` messages are received. Null: no limit');

const maxReceivesSchema = z
  .int()
  .min(1)
  .max(1_000)
  .describe('Deliveries that may fail; after the last one the message is a dead letter');
const deadLetterQueueSchema = nameSchema.describe('Where messages go that failed too often');
const retentionSchema = durationMs(1, YEAR_MS).describe(
  'Messages that are older are removed, those that are in flight when their delivery has failed',
);
const maxLengthSchema = z
  .int()
  .min(1)
  .nullable()
  .describe('Most messages that are not yet acknowledged; beyond, sends are refused. Null: no bound');
const maxBytesSchema = z
  .int()
  .min(1)
  .nullable()
  .describe('Most bytes of them, results included; beyond, sends are refused. Null: no bound');

const CONFIGURATION_EXAMPLE = {
  visibilityTimeoutMs: 30_000,
  maxReceives: 5,
  deadLetterQueue: 'orders.dead',
  retentionMs: 1_209_600_000,
  maxLength: null,
  maxBytes: null,
  backoff: null,
  rateLimit: null,
  deduplicationWindowMs: 300_000,
  keepResultsMs: 0,
  maxInFlight: null,
  maxInFlightPerGroup: 1,
  ordering: 'group' as const,
  maxMessageBytes: DEFAULT_MESSAGE_BYTES,
  durability: 'local' as const,
};

export const putQueueSchema = z
  .strictObject({
    visibilityTimeoutMs: visibilitySchema.default(30_000),
    maxReceives: maxReceivesSchema.default(5),
    deadLetterQueue: deadLetterQueueSchema
      .optional()
      .describe(
        'Where messages go that failed too often. Default: the name of the queue plus `.dead`, shortened when it is too long',
      ),
    retentionMs: retentionSchema.default(1_209_600_000),
    maxLength: maxLengthSchema.default(null),
    maxBytes: maxBytesSchema.default(null),
    backoff: backoffSchema.default(null),
    rateLimit: rateLimitSchema.default(null),
    deduplicationWindowMs: deduplicationWindowSchema.default(300_000),
    keepResultsMs: keepResultsSchema.default(0),
    maxInFlight: maxInFlightSchema.default(null),
    maxInFlightPerGroup: maxInFlightPerGroupSchema.default(1),
    ordering: orderingSchema.default('group'),
    maxMessageBytes: maxMessageBytesSchema.default(DEFAULT_MESSAGE_BYTES),
    durability: durabilitySchema.default('local'),
  })
  .refine(({ backoff, retentionMs }) => backoff === null || backoff.baseMs < retentionMs, {
    path: ['backoff', 'baseMs'],
    error: 'expected less than retentionMs: a message would expire before its first retry',
  })
  .meta({
    id: 'PutQueue',
    example: {
      visibilityTimeoutMs: 30_000,
      maxReceives: 3,
      backoff: { baseMs: 1_000, factor: 2, maxMs: 60_000 },
    },
  });
export type PutQueue = z.infer<typeof putQueueSchema>;

const configurationShape = {
  visibilityTimeoutMs: visibilitySchema,
  maxReceives: maxReceivesSchema,
  deadLetterQueue: deadLetterQueueSchema,
  retentionMs: retentionSchema,
  maxLength: maxLengthSchema,
  maxBytes: maxBytesSchema,
  backoff: backoffSchema,
  rateLimit: rateLimitSchema,
  deduplicationWindowMs: deduplicationWindowSchema,
  keepResultsMs: keepResultsSchema,
  maxInFlight: maxInFlightSchema,
  maxInFlightPerGroup: maxInFlightPerGroupSchema,
  ordering: orderingSchema,
  maxMessageBytes: maxMessageBytesSchema,
  durability: durabilitySchema,
};
const configurationSchema = z.strictObject(configurationShape);
/** The configuration of a queue. Null: no limit, no back-off. */
export type QueueConfiguration = z.infer<typeof configurationSchema>;

export const queueStatsSchema = z
  .strictObject({
    ready: z
      .int()
      .describe('Not delayed: receivers get them, unless a pause, their group or a limit holds them up'),
    delayed: z.int().describe('Become ready later'),
    inFlight: z.int().describe('Handed out, and not answered yet'),
    dead: z.int().describe('Moved to the dead-letter queue and not moved back by a redrive'),
    bytes: z
      .int()
      .describe(
        'Stored size of all messages that are ready, delayed or in flight, and of what is kept of others',
      ),
    oldestAgeMs: z.int().describe('Age of the oldest of these messages; 0 when there is none'),
    oldestReadyAgeMs: z.int().describe('The same of those that are ready; 0 when there is none'),
    sent: z.int().describe('Messages that were taken, deduplicated ones once'),
    received: z.int().describe('Deliveries, those that are in flight too; not those that could not be told'),
    acked: z.int().describe('Acknowledged, or moved away by a redrive'),
    failed: z.int().describe('Deliveries that were rejected, or whose visibility timeout ended'),
    expired: z.int().describe('Removed by their TTL, the retention, a purge or a cancel'),
    lost: z
      .int()
      .describe(
        'Acknowledged messages that Redis lost with an earlier instance, as far as nodes knew of them',
      ),
  })
  .describe('At every moment: ready + delayed + inFlight + dead = sent - acked - expired');
/** Counts of a queue, all at one moment. */
export type QueueStats = z.infer<typeof queueStatsSchema>;

export const queueSchema = z
  .strictObject({
    name: nameSchema,
    ...configurationShape,
    paused: z.boolean().describe('Whether deliveries are stopped'),
    stats: queueStatsSchema,
  })
  .meta({
    id: 'Queue',
    example: {
      name: 'orders',
      ...CONFIGURATION_EXAMPLE,
      paused: false,
      stats: {
        ready: 12,
        delayed: 3,
        inFlight: 2,
        dead: 0,
        bytes: 4_180,
        oldestAgeMs: 950,
        oldestReadyAgeMs: 950,
        sent: 40,
        received: 26,
        acked: 23,
        failed: 1,
        expired: 0,
        lost: 0,
      },
    },
  });
export type Queue = z.infer<typeof queueSchema>;

export const awaitQueueSchema = z
  .strictObject({
    waitMs: durationMs(0, 30_000).default(0).describe('How long to wait while it is not made'),
  })
  .meta({ id: 'AwaitQueue', example: { waitMs: 20_000 } });
export type AwaitQueue = z.infer<typeof awaitQueueSchema>;

export const madeSchema = z
  .strictObject({ made: z.boolean().describe('Whether the queue is there; false when the time is over') })
  .meta({ id: 'Made', example: { made: true } });
export type Made = z.infer<typeof madeSchema>;

export const listQueuesQuerySchema = z.strictObject({
  prefix: namePrefixSchema,
  cursor: nameCursorSchema,
  limit: pageLimitSchema,
});
export const queuesSchema = z
  .strictObject({
    queues: z.array(queueSchema).describe('In the order of their names'),
    cursor: nextNameSchema,
  })
  .meta({ id: 'Queues', example: { queues: [queueSchema.meta()?.example as Queue], cursor: null } });
export type Queues = z.infer<typeof queuesSchema>;
