import { z } from 'zod';
import { ILL_FORMED, instantSchema, isWellFormed } from './fields.js';

/** Longest reason and detail of an attempt, in bytes. */
export const MAX_REASON_BYTES = 256;
export const MAX_DETAIL_BYTES = 4_096;

const textOf = (bytes: number) =>
  z
    .string()
    .refine(isWellFormed, ILL_FORMED)
    .refine((text) => new TextEncoder().encode(text).length <= bytes, `expected at most ${bytes} bytes`);
export const reasonSchema = textOf(MAX_REASON_BYTES);
export const detailSchema = textOf(MAX_DETAIL_BYTES);

/** One delivery of a message, and how it ended. */
export const attemptSchema = z.strictObject({
  at: instantSchema.nullable().describe('When it was handed out; null when nobody told how it ended'),
  nodeId: z.string().nullable().describe('The node that was told how it ended; null when nobody told'),
  endedAt: instantSchema.describe('When it ended'),
  how: z
    .enum(['acked', 'nacked', 'timeout', 'stopped'])
    .describe('`timeout`: nobody told within its visibility timeout; `stopped`: given back unhandled'),
  reason: z.string().nullable().describe('What its receiver gave; null: nothing'),
  detail: z.string().nullable().describe('For example a stack; null: nothing'),
});
export type Attempt = z.infer<typeof attemptSchema>;

/** The latest deliveries that ended: 20 at most, and 32 KiB of them. */
export const attemptsSchema = z
  .array(attemptSchema)
  .describe('Deliveries that ended, the latest 20 of them and at most 32 KiB');

export const ATTEMPT_EXAMPLE: Attempt = {
  at: '2026-01-31T09:30:00.000Z',
  nodeId: 'queue_1',
  endedAt: '2026-01-31T09:30:01.250Z',
  how: 'nacked',
  reason: 'TimeoutError: no answer from the bank',
  detail: null,
};
