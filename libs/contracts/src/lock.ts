import { z } from 'zod';
import { durationMs, instantSchema, nameSchema, pageLimitSchema } from './fields.js';

export const leaseModeSchema = z.enum(['exclusive', 'shared']);
export type LeaseMode = z.infer<typeof leaseModeSchema>;

/** Who wants the lease: a worker, a job, a request. Deadlocks are found between owners. */
export const ownerNameSchema = z
  .string()
  .min(1)
  .max(256)
  .regex(/^\P{Surrogate}*$/u, 'expected well-formed Unicode')
  .meta({ example: 'worker-7' });
const leaseIdSchema = z.guid().meta({ example: '0195a3d2-7c51-4b8e-9f1a-2f6c1f0f9a11' });
const sessionIdSchema = z.guid().meta({ example: '5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f' });
const leaseTtlMs = durationMs(100, 86_400_000);
const waitMs = durationMs(0, 600_000);

/** Largest size of the metadata of a lease, in bytes of JSON. */
export const MAX_METADATA_BYTES = 4_096;
const metadataSchema = z
  .record(z.string(), z.json())
  .refine(
    (metadata) => Buffer.byteLength(JSON.stringify(metadata)) <= MAX_METADATA_BYTES,
    `expected at most ${MAX_METADATA_BYTES} bytes of JSON`,
  )
  .meta({ example: { job: 'nightly-report' } });

const LEASE = {
  name: 'invoice-42',
  leaseId: '0195a3d2-7c51-4b8e-9f1a-2f6c1f0f9a11',
  owner: 'worker-7',
  mode: 'exclusive' as const,
  permits: 1,
  fencingToken: '1769851800000000',
  ttlMs: 30_000,
  acquiredAt: '2026-01-31T09:30:00.000Z',
  expiresAt: '2026-01-31T09:30:30.000Z',
  waitedMs: 0,
  metadata: { job: 'nightly-report' },
};

export const leaseSchema = z
  .strictObject({
    name: nameSchema,
    leaseId: z.string(),
    owner: z.string(),
    mode: leaseModeSchema,
    permits: z.int(),
    fencingToken: z.string(),
    ttlMs: z.int(),
    acquiredAt: instantSchema,
    expiresAt: instantSchema,
    waitedMs: z.int(),
    metadata: z.record(z.string(), z.json()).nullable(),
  })
  .meta({ id: 'Lease', example: LEASE });
/**
 * One grant. `fencingToken`: a decimal string, larger at every grant of a name. `waitedMs`: time in the queue.
 * `metadata`: what the caller gave, else null. A lease of a session has the session's `ttlMs` and `expiresAt`.
 */
export type Lease = z.infer<typeof leaseSchema>;

export const acquireSchema = z
  .strictObject({
    owner: ownerNameSchema,
    mode: leaseModeSchema.default('exclusive'),
    ttlMs: leaseTtlMs.default(30_000),
    waitMs: waitMs.default(0),
    leaseId: leaseIdSchema.optional(),
    sessionId: sessionIdSchema.optional(),
    metadata: metadataSchema.optional(),
  })
  .meta({ id: 'Acquire', example: { owner: 'worker-7', ttlMs: 30_000, waitMs: 5_000 } });
/** `leaseId`: the same id again is the same grant, through any node. `waitMs` 0: do not wait. */
export type Acquire = z.infer<typeof acquireSchema>;

export const renewSchema = z
  .strictObject({ leaseId: leaseIdSchema, ttlMs: leaseTtlMs.optional() })
  .meta({ id: 'Renew', example: { leaseId: LEASE.leaseId, ttlMs: 30_000 } });
/** Without `ttlMs` the lease keeps the length that it has. */
export type Renew = z.infer<typeof renewSchema>;

export const releaseSchema = z
  .strictObject({ leaseId: leaseIdSchema })
  .meta({ id: 'Release', example: { leaseId: LEASE.leaseId } });
export type Release = z.infer<typeof releaseSchema>;

export const releasedSchema = z
  .strictObject({ released: z.boolean() })
  .meta({ id: 'Released', example: { released: true } });
/** `released` is false when the lease was released before. */
export type Released = z.infer<typeof releasedSchema>;

export const fencingTokenSchema = z
  .string()
  .regex(/^\d{1,20}$/, 'expected a decimal string')
  .meta({ example: LEASE.fencingToken });

export const verifySchema = z
  .strictObject({ fencingToken: fencingTokenSchema })
  .meta({ id: 'Verify', example: { fencingToken: LEASE.fencingToken } });
export type Verify = z.infer<typeof verifySchema>;

export const verifiedSchema = z
  .strictObject({ valid: z.boolean(), currentToken: z.string().nullable() })
  .meta({ id: 'Verified', example: { valid: true, currentToken: LEASE.fencingToken } });
/** `valid`: no larger token was granted. When the token of the name is no longer known, it is not valid. */
export type Verified = z.infer<typeof verifiedSchema>;

export const waiterSchema = z.strictObject({
  owner: z.string(),
  mode: leaseModeSchema,
  position: z.int().min(1),
  waitingSince: instantSchema,
});
export type Waiter = z.infer<typeof waiterSchema>;

const lockShape = {
  name: nameSchema,
  mode: z.enum(['free', 'exclusive', 'shared']),
  holders: z.array(leaseSchema),
  waiters: z.array(waiterSchema),
  currentToken: z.string().nullable(),
};
const LOCK = {
  name: 'invoice-42',
  mode: 'exclusive',
  holders: [LEASE],
  waiters: [{ owner: 'worker-8', mode: 'exclusive', position: 1, waitingSince: '2026-01-31T09:30:02.000Z' }],
  currentToken: LEASE.fencingToken,
};

export const lockSchema = z.strictObject(lockShape).meta({ id: 'Lock', example: LOCK });
/** A lock as it is now: at most 1,000 holders and waiters. `currentToken`: null when it is not known. */
export type Lock = z.infer<typeof lockSchema>;

export const listLocksSchema = z.strictObject({
  prefix: nameSchema.optional(),
  cursor: nameSchema.optional(),
  limit: pageLimitSchema,
});
export type ListLocks = z.infer<typeof listLocksSchema>;

export const lockPageSchema = z
  .strictObject({ locks: z.array(lockSchema), cursor: z.string().nullable() })
  .meta({ id: 'LockPage', example: { locks: [LOCK], cursor: null } });
/** `cursor`: give it to get the next page; null at the end. */
export type LockPage = z.infer<typeof lockPageSchema>;
