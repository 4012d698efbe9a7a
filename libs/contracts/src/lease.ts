import { z } from 'zod';
import { lockLevelSchema } from './durability.js';
import { durationMs, ILL_FORMED, instantSchema, isWellFormed, jsonSchema, nameSchema } from './fields.js';
import { NAME_FIELD, realmFields } from './realms.js';

export const leaseModeSchema = z
  .enum(['exclusive', 'shared'])
  .describe('`exclusive`: nobody else holds the name; `shared`: others may hold it in this mode, too');
export type LeaseMode = z.infer<typeof leaseModeSchema>;

/** Who requests the lease: a worker, a job, a request. Deadlocks are detected between owners. */
export const ownerNameSchema = z.string().min(1).max(256).refine(isWellFormed, ILL_FORMED).meta({
  example: 'worker-7',
  description: 'Who asks: a worker, a job, a request. Deadlocks are found between owners',
});
/** UUIDs are converted to lower case, because they compare without case. */
export const leaseIdSchema = z.guid().toLowerCase().meta({
  example: '0195a3d2-7c51-4b8e-9f1a-2f6c1f0f9a11',
  description: 'The right to the lease: who knows it may renew and release it',
});
/** In a request for a lease. */
export const newLeaseIdSchema = leaseIdSchema.describe(
  'Chosen by the caller: the same call again, through any node, gets the same lease. Default: one that the node chooses',
);
export const sessionIdSchema = z.guid().toLowerCase().register(realmFields, NAME_FIELD).meta({
  example: '5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f',
  description: 'The session that the lease ends with',
});
export const leaseTtlMs = durationMs(100, 86_400_000).describe(
  'After so long without a renewal it ends, and others may have the name; ms',
);
export const waitMs = durationMs(0, 600_000).describe(
  'How long to wait in line while it is held, ms; 0: not at all',
);

/** Largest size of the metadata of a lease, in bytes of JSON. */
export const MAX_METADATA_BYTES = 4_096;
export const metadataSchema = z
  .record(z.string(), jsonSchema)
  .refine(
    (metadata) => Buffer.byteLength(JSON.stringify(metadata)) <= MAX_METADATA_BYTES,
    `expected at most ${MAX_METADATA_BYTES} bytes of JSON`,
  )
  .meta({
    example: { job: 'nightly-report' },
    description: `Shown to those who look at the lease; at most ${MAX_METADATA_BYTES} bytes of JSON`,
  });

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
    leaseId: z.string().describe('The right to renew and to release it'),
    owner: z.string().describe('Who holds it'),
    mode: leaseModeSchema,
    permits: z.int().describe('How many permits of a semaphore; 1 for a lock'),
    fencingToken: z
      .string()
      .describe(
        'Decimal, larger with every grant of the name: a store that it is passed to can refuse older ones',
      ),
    ttlMs: z.int().describe('How long a renewal lasts, ms; of a lease of a session, that of the session'),
    acquiredAt: instantSchema.describe('When it was granted'),
    expiresAt: instantSchema.describe('When it ends, unless it is renewed'),
    waitedMs: z.int().describe('How long the request waited in line, ms'),
    metadata: z.record(z.string(), jsonSchema).nullable().describe('What the caller gave; null: nothing'),
    limit: z.int().optional().describe('Of a semaphore: its limit now'),
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
