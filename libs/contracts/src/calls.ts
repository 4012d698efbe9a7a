import { z } from 'zod';

/** Most calls under way in one call stream. */
export const MAX_STREAMED_CALLS = 1_024;

/** Close code of a node that shuts down: it did not begin with any call that it has not answered. */
export const GOING_AWAY = 4_001;

/** Status of a call that was cancelled before it came to its end, for those who want to be told. */
export const CANCELLED = 499;

const callIdSchema = z.int().min(0);

/**
 * A message of a client in a call stream: calls, each as a POST with a JSON body, and cancellations of earlier ones.
 * `id` is the client's own; no two calls that are under way have the same. A call that was cancelled gets no answer, unless
 * `tell` is given: then its caller knows that no other answer is on its way.
 */
export const callsSchema = z
  .array(
    z.union([
      z.strictObject({ id: callIdSchema, path: z.string(), body: z.unknown().optional() }),
      z.strictObject({ id: callIdSchema, cancel: z.literal(true), tell: z.literal(true).optional() }),
    ]),
  )
  .min(1)
  .max(MAX_STREAMED_CALLS);
export type StreamedCalls = z.infer<typeof callsSchema>;

/** How a call ended: status and body as over HTTP. A call that was cancelled gets none, or {@link CANCELLED}. */
export type StreamedAnswer = {
  readonly id: number;
  readonly status: number;
  readonly body: unknown;
  /** Seconds after which a 503 or a 429 is worth another try. */
  readonly retryAfter?: number;
};
