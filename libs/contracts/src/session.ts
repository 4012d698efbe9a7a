import { z } from 'zod';
import { instantSchema, jsonSchema } from './fields.js';
import { LEASE_EXAMPLE, leaseSchema, leaseTtlMs, metadataSchema, ownerNameSchema } from './lease.js';

export const createSessionSchema = z
  .strictObject({
    owner: ownerNameSchema,
    ttlMs: leaseTtlMs.default(15_000),
    metadata: metadataSchema.optional(),
  })
  .meta({ id: 'CreateSession', example: { owner: 'worker-7', ttlMs: 15_000 } });
export type CreateSession = z.infer<typeof createSessionSchema>;

const sessionShape = { sessionId: z.string(), owner: z.string(), ttlMs: z.int(), expiresAt: instantSchema };
const SESSION = {
  sessionId: '5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f',
  owner: 'worker-7',
  ttlMs: 15_000,
  expiresAt: '2026-01-31T09:30:15.000Z',
};
export const sessionSchema = z.strictObject(sessionShape).meta({ id: 'Session', example: SESSION });
/** What a worker keeps alive by one call, and all its leases with it. */
export type Session = z.infer<typeof sessionSchema>;

export const sessionDetailsSchema = z
  .strictObject({
    ...sessionShape,
    metadata: z.record(z.string(), jsonSchema).nullable(),
    leases: z.array(leaseSchema),
  })
  .meta({ id: 'SessionDetails', example: { ...SESSION, metadata: null, leases: [LEASE_EXAMPLE] } });
/** A session with its leases, at most 1,000 of them. */
export type SessionDetails = z.infer<typeof sessionDetailsSchema>;
