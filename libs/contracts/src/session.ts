import { z } from 'zod';
import { lockLevelSchema } from './durability.js';
import { instantSchema, jsonSchema, nameSchema, pageLimitSchema } from './fields.js';
import { HOLDER_EXAMPLE, holderSchema, leaseTtlMs, metadataSchema, ownerNameSchema } from './lease.js';
import { NAME_FIELD, realmFields } from './realms.js';

export const createSessionSchema = z
  .strictObject({
    owner: ownerNameSchema,
    ttlMs: leaseTtlMs.default(15_000),
    metadata: metadataSchema.optional(),
  })
  .meta({ id: 'CreateSession', example: { owner: 'worker-7', ttlMs: 15_000 } });
export type CreateSession = z.infer<typeof createSessionSchema>;

const sessionShape = {
  sessionId: z.string().register(realmFields, NAME_FIELD).describe('For the leases that end with it'),
  owner: z.string().describe('Whose session it is'),
  ttlMs: z.int().describe('After so long without a keep-alive it ends, and its leases with it; ms'),
  expiresAt: instantSchema.describe('When it ends, unless it is kept alive'),
};
const SESSION = {
  sessionId: '5b1f3c0e-8f0d-4b52-9a4e-1a2b3c4d5e6f',
  owner: 'worker-7',
  ttlMs: 15_000,
  expiresAt: '2026-01-31T09:30:15.000Z',
};
export const sessionSchema = z.strictObject(sessionShape).meta({ id: 'Session', example: SESSION });
/** A group of leases that a worker renews with one call. */
export type Session = z.infer<typeof sessionSchema>;

export const openedSessionSchema = z
  .strictObject({ ...sessionShape, durability: lockLevelSchema })
  .meta({ id: 'OpenedSession', example: { ...SESSION, durability: 'local' } });
export type OpenedSession = z.infer<typeof openedSessionSchema>;

export const listSessionsSchema = z.strictObject({
  prefix: z.string().max(256).default('').describe('What the owner begins with'),
  cursor: z.string().optional().describe('`cursor` of the previous page'),
  limit: pageLimitSchema,
});
export type ListSessions = z.infer<typeof listSessionsSchema>;

export const sessionsSchema = z
  .strictObject({
    sessions: z.array(sessionSchema).describe('In no order'),
    cursor: z.string().nullable().describe('Null at the end. Earlier pages may be short, or empty'),
  })
  .meta({ id: 'Sessions', example: { sessions: [SESSION], cursor: null } });
/** Sessions in no order. Each that is there from the first page to the last is on one of them. */
export type Sessions = z.infer<typeof sessionsSchema>;

export const keptSessionSchema = z
  .strictObject({
    ...sessionShape,
    leases: z.int().describe('How many it holds now'),
    lost: z
      .array(z.strictObject({ name: nameSchema, fencingToken: z.string().describe('That of the lease') }))
      .describe('Leases that were revoked, told for twice its `ttlMs`; the 1,000 newest at most'),
    durability: lockLevelSchema,
  })
  .meta({ id: 'KeptSession', example: { ...SESSION, leases: 3, lost: [], durability: 'local' } });
/**
 * The answer to a keep-alive. `leases`: number of leases that the session holds now. `lost`: its revoked leases, reported
 * for twice its `ttlMs`, so in at least one keep-alive; at most the 1,000 newest.
 */
export type KeptSession = z.infer<typeof keptSessionSchema>;

export const sessionDetailsSchema = z
  .strictObject({
    ...sessionShape,
    metadata: z.record(z.string(), jsonSchema).nullable().describe('What its owner gave; null: nothing'),
    leases: z.array(holderSchema).describe('At most 1,000'),
  })
  .meta({ id: 'SessionDetails', example: { ...SESSION, metadata: null, leases: [HOLDER_EXAMPLE] } });
/** A session with up to 1,000 of its leases. */
export type SessionDetails = z.infer<typeof sessionDetailsSchema>;
