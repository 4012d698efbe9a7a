import { z } from 'zod';
import { lockLevelSchema } from './durability.js';
import { nextNameSchema } from './fields.js';
import {
  HOLDER_EXAMPLE,
  leaseTtlMs,
  metadataSchema,
  newLeaseIdSchema,
  ownerNameSchema,
  sessionIdSchema,
  waitMs,
} from './lease.js';
import { LOCK_EXAMPLE, lockShape } from './lock.js';

/** Largest limit of a semaphore. */
export const MAX_SEMAPHORE_LIMIT = 100_000;
const limitSchema = z.int().min(1).max(MAX_SEMAPHORE_LIMIT).describe('Most permits that are held at a time');

export const acquirePermitsSchema = z
  .strictObject({
    owner: ownerNameSchema,
    limit: limitSchema
      .optional()
      .describe(
        'The first caller sets it, later ones say the same or nothing; a configured limit goes before it',
      ),
    permits: z.int().min(1).max(MAX_SEMAPHORE_LIMIT).default(1).describe('How many to take, all or none'),
    ttlMs: leaseTtlMs.default(30_000),
    waitMs: waitMs.default(0),
    leaseId: newLeaseIdSchema.optional(),
    sessionId: sessionIdSchema.optional(),
    metadata: metadataSchema.optional(),
  })
  .refine(({ permits, limit }) => limit === undefined || permits <= limit, {
    path: ['permits'],
    message: 'expected at most the limit',
  })
  .meta({ id: 'AcquirePermits', example: { owner: 'worker-7', limit: 10, permits: 2, waitMs: 5_000 } });
/** `limit`: ignored when a limit is configured. Else the first caller sets it, and later callers give the same or none. */
export type AcquirePermits = z.infer<typeof acquirePermitsSchema>;

export const resizeSchema = z
  .strictObject({ limit: limitSchema })
  .meta({ id: 'Resize', example: { limit: 20 } });
/** Configures the limit. It stays until it is changed or deleted, and takes precedence over the `limit` of callers. */
export type Resize = z.infer<typeof resizeSchema>;

const semaphoreShape = {
  ...lockShape,
  limit: z.int().nullable().describe('Most permits that are held at a time; null until it is set'),
  used: z.int().describe('Permits that are held now'),
};
const SEMAPHORE_EXAMPLE = {
  ...LOCK_EXAMPLE,
  name: 'downloads',
  mode: 'shared',
  holders: [{ ...HOLDER_EXAMPLE, name: 'downloads', mode: 'shared', permits: 2 }],
  waiters: [],
  limit: 10,
  used: 2,
};
export const semaphoreSchema = z
  .strictObject(semaphoreShape)
  .meta({ id: 'Semaphore', example: SEMAPHORE_EXAMPLE });
/** The current state of a semaphore. `limit`: null until it is set. `used`: number of held permits. */
export type Semaphore = z.infer<typeof semaphoreSchema>;

export const semaphorePageSchema = z
  .strictObject({
    semaphores: z.array(semaphoreSchema).describe('In the order of their names'),
    cursor: nextNameSchema.describe('Null at the end'),
  })
  .meta({ id: 'SemaphorePage', example: { semaphores: [SEMAPHORE_EXAMPLE], cursor: null } });
/** Semaphores that are held or awaited, in the order of their names. `cursor`: null at the end. */
export type SemaphorePage = z.infer<typeof semaphorePageSchema>;

export const resizedSchema = z
  .strictObject({ ...semaphoreShape, durability: lockLevelSchema })
  .meta({ id: 'Resized', example: { ...SEMAPHORE_EXAMPLE, durability: 'local' } });
export type Resized = z.infer<typeof resizedSchema>;
