import { z } from 'zod';
import { EXAMPLE_VALUE, encodingSchema, entryLifeFields, valueFields } from './cache.js';
import { durationMs, instantSchema } from './fields.js';

const leaseMsSchema = durationMs(100, 3_600_000)
  .default(5_000)
  .describe('How long the caller may compute the value without a renewal, ms');

export const fillBodySchema = z
  .strictObject({
    waitMs: durationMs(0, 600_000)
      .default(0)
      .describe('How long to wait while another caller computes the value'),
    leaseMs: leaseMsSchema,
    as: encodingSchema
      .optional()
      .describe('Encoding of the value of the answer; default: what fits its content type'),
    ...entryLifeFields,
  })
  .meta({ id: 'Fill', example: { waitMs: 2000, leaseMs: 5000 } });
/**
 * `waitMs`: how long to wait while another caller computes the value. `leaseMs`: how long this caller may compute it
 * without a renewal. `as`: encoding of the value in the answer; see {@link Encoding}. `ttlMs`, `staleMs`, `tags`: the
 * options of the later write; they are validated here, so that nobody computes a value that would be refused.
 */
export type FillBody = z.infer<typeof fillBodySchema>;

export const fillResultSchema = z
  .strictObject({
    status: z
      .enum(['hit', 'stale', 'lease'])
      .describe('`hit` and `stale` have the value; `lease`: compute it and store it with the `fillLease`'),
    ...z.object(valueFields).partial().shape,
    fillLease: z
      .string()
      .optional()
      .describe('For one caller at a time: `X-Fill-Lease` of the write that stores the value'),
  })
  .meta({ id: 'FillResult', example: { status: 'hit', ...EXAMPLE_VALUE } });
/** `hit` and `stale` have the value. `lease`, and for one caller `stale`, have the `fillLease` for storing a new value. */
export type FillResult = z.infer<typeof fillResultSchema>;

export const fillLeaseIdSchema = z
  .string()
  .min(1)
  .max(64)
  .meta({ example: '0f8fad5b-d9cb-469f-a165-70867728950e', description: 'The right to store the value' });

export const renewFillBodySchema = z
  .strictObject({ leaseMs: leaseMsSchema })
  .meta({ id: 'RenewFill', example: { leaseMs: 5000 } });
/** `leaseMs`: how long the lease lasts from now. */
export type RenewFillBody = z.infer<typeof renewFillBodySchema>;

export const renewedFillSchema = z
  .strictObject({
    fillLease: fillLeaseIdSchema,
    expiresAt: instantSchema.describe('When it ends, unless it is renewed'),
  })
  .meta({
    id: 'RenewedFill',
    example: { fillLease: '0f8fad5b-d9cb-469f-a165-70867728950e', expiresAt: '2026-01-31T09:31:00.000Z' },
  });
export type RenewedFill = z.infer<typeof renewedFillSchema>;

/** Longest reason, in characters. */
const MAX_REASON = 256;
export const endFillBodySchema = z
  .strictObject({
    reason: z
      .string()
      .min(1)
      .max(MAX_REASON)
      .optional()
      .describe('With it those who wait get `fill-failed`; without, the first of them computes the value'),
  })
  .meta({ id: 'EndFill', example: { reason: 'the database is away' } });
/** With a `reason`, waiting callers get `fill-failed` with it; without one, the first of them computes the value. */
export type EndFillBody = z.infer<typeof endFillBodySchema>;
