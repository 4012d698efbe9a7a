import { z } from 'zod';
import { lockLevelSchema } from './durability.js';
import { durationMs, ILL_FORMED, instantSchema, isWellFormed, jsonSchema, nameSchema } from './fields.js';
import { NAME_FIELD, realmFields } from './realms.js';

export const leaseModeSchema = z.enum(['exclusive', 'shared']);
export type LeaseMode = z.infer<typeof leaseModeSchema>;

/** Who requests the lease: a worker, a job, a request. Deadlocks are detected between owners. */
export const ownerNameSchema = z
  .string()
  .min(1)
  .max(256)
  .refine(isWellFormed, ILL_FORMED)
  .meta({ example: 'worker-7' });
/** UUIDs are converted to lower case, because they compare without case. */
export const leaseIdSchema = z.guid().toLowerCase().meta({ example: '0195a3d2-7c51-4b8e-9f1a-2f6c1f0f9a11' });
export const sessionIdSchema = z
  .guid()
  .toLowerCase()
  .register(realmFields, NAME_FIELD)
  .meta({ example: '5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f' });
export const leaseTtlMs = durationMs(100, 86_400_000);
export const waitMs = durationMs(0, 600_000);

/** Largest size of the metadata of a lease, in bytes of JSON. */
export const MAX_METADATA_BYTES = 4_096;
export const metadataSchema = z
  .record(z.string(), jsonSchema)
  .refine(
    (metadata) => Buffer.byteLength(JSON.stringify(metadata)) <= MAX_METADATA_BYTES,
    `expected at most ${MAX_METADATA_BYTES} bytes of JSON`,
  )
  .meta({ example: { job: 'nightly-report' } });

export const LEASE_EXAMPLE = {
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
  durability: 'local' as const,
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
    metadata: z.record(z.string(), jsonSchema).nullable(),
    limit: z.int().optional(),
    durability: lockLevelSchema,
  })
  .meta({ id: 'Lease', example: LEASE_EXAMPLE });
/**
 * One grant. `fencingToken`: a decimal string that is larger with every grant of a name. `waitedMs`: time in the queue.
 * `metadata`: the value that the caller gave, else null. `limit`: the current limit of a semaphore. A lease of a session
 * has the `ttlMs` and `expiresAt` of the session.
 */
export type Lease = z.infer<typeof leaseSchema>;

const { leaseId: _right, durability: _level, ...HOLDER } = LEASE_EXAMPLE;
export const HOLDER_EXAMPLE = HOLDER;

export const holderSchema = leaseSchema
  .omit({ leaseId: true, limit: true, durability: true })
  .meta({ id: 'Holder', example: HOLDER_EXAMPLE });
/** A lease as others see it: without its `leaseId`, which is the right to renew and to release it. */
export type Holder = z.infer<typeof holderSchema>;
