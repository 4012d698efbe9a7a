import { z } from 'zod';

/** Most calls in flight in one call stream. */
export const MAX_STREAMED_CALLS = 1_024;

/** Close code of a node that shuts down: it did not start any call that it has not answered. */
export const GOING_AWAY = 4_001;

/** Status of a call that was cancelled before it ended; sent only when the cancellation asked for an answer. */
export const CANCELLED = 499;

const callIdSchema = z.int().min(0);

/**
 * A message of a client in a call stream: calls, each equivalent to a POST with a JSON body, and cancellations of earlier
 * calls. The client chooses `id`, which must be unique among its calls in flight. `traceparent` is the header of that name. A
 * cancelled call gets no answer, unless `tell` is true: then the answer shows that no other answer is on its way.
 */
export const callsSchema = z
  .array(
    z.union([
      z.strictObject({
        id: callIdSchema,
        path: z.string(),
        body: z.unknown().optional(),
        traceparent: z.string().optional(),
      }),
      z.strictObject({ id: callIdSchema, cancel: z.literal(true), tell: z.literal(true).optional() }),
    ]),
  )
  .min(1)
  .max(MAX_STREAMED_CALLS);
export type StreamedCalls = z.infer<typeof callsSchema>;

/** The answer to a call: status and body as over HTTP. A cancelled call gets none, or {@link CANCELLED}. */
export type StreamedAnswer = {
  readonly id: number;
  readonly status: number;
  readonly body: unknown;
  /** After a 503 or 429: seconds until the next try makes sense. */
  readonly retryAfter?: number;
};
