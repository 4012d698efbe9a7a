import { z } from 'zod';
import { instantSchema, jsonSchema, nameSchema } from './fields.js';
import { HOLDER_EXAMPLE, holderSchema, leaseTtlMs, metadataSchema, ownerNameSchema } from './lease.js';

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

export const keptSessionSchema = z
  .strictObject({
    ...sessionShape,
    leases: z.int(),
    lost: z.array(z.strictObject({ name: nameSchema, fencingToken: z.string() })),
  })
  .meta({ id: 'KeptSession', example: { ...SESSION, leases: 3, lost: [] } });
/**
 * A session that was kept alive. `leases`: how many it holds now. `lost`: leases that were taken away from it, told for
 * twice its `ttlMs`, so by at least one keep-alive; at most the 1,000 newest.
 */
export type KeptSession = z.infer<typeof keptSessionSchema>;

export const sessionDetailsSchema = z
  .strictObject({
    ...sessionShape,
    metadata: z.record(z.string(), jsonSchema).nullable(),
    leases: z.array(holderSchema),
  })
  .meta({ id: 'SessionDetails', example: { ...SESSION, metadata: null, leases: [HOLDER_EXAMPLE] } });
/** A session with its leases, at most 1,000 of them. */
export type SessionDetails = z.infer<typeof sessionDetailsSchema>;
