import { z } from 'zod';
import { batchItem } from './batch.js';
import { lockLevelSchema } from './durability.js';
import {
  instantSchema,
  nameCursorSchema,
  namePrefixSchema,
  nameSchema,
  nextNameSchema,
  pageLimitSchema,
} from './fields.js';
import {
  HOLDER_EXAMPLE,
  holderSchema,
  LEASE_EXAMPLE,
  leaseIdSchema,
  leaseModeSchema,
  leaseSchema,
  leaseTtlMs,
  metadataSchema,
  newLeaseIdSchema,
  ownerNameSchema,
  sessionIdSchema,
  waitMs,
} from './lease.js';
import { problemSchema } from './problem.js';

export const acquireSchema = z
  .strictObject({
    owner: ownerNameSchema,
    mode: leaseModeSchema.default('exclusive'),
    ttlMs: leaseTtlMs.default(30_000),
    waitMs: waitMs.default(0),
    leaseId: newLeaseIdSchema.optional(),
    sessionId: sessionIdSchema.optional(),
    metadata: metadataSchema.optional(),
  })
  .meta({ id: 'Acquire', example: { owner: 'worker-7', ttlMs: 30_000, waitMs: 5_000 } });
/** `leaseId`: a repeated call with the same id, through any node, returns the same grant. `waitMs` 0: do not wait. */
export type Acquire = z.infer<typeof acquireSchema>;

const renewedTtlSchema = leaseTtlMs.describe('How long it lasts from now, ms; default: as long as before');
export const renewSchema = z
  .strictObject({ leaseId: leaseIdSchema, ttlMs: renewedTtlSchema.optional() })
  .meta({ id: 'Renew', example: { leaseId: LEASE_EXAMPLE.leaseId, ttlMs: 30_000 } });
/** Without `ttlMs` the lease keeps its TTL. */
export type Renew = z.infer<typeof renewSchema>;

export const releaseSchema = z
  .strictObject({ leaseId: leaseIdSchema })
  .meta({ id: 'Release', example: { leaseId: LEASE_EXAMPLE.leaseId } });
export type Release = z.infer<typeof releaseSchema>;

const RELEASED_EXAMPLE = { released: true, durability: 'local' as const };
export const releasedSchema = z
  .strictObject({
    released: z.boolean().describe('False when it was released before'),
    durability: lockLevelSchema,
  })
  .meta({ id: 'Released', example: RELEASED_EXAMPLE });
/** `released` is false when the lease was released before. */
export type Released = z.infer<typeof releasedSchema>;

export const fencingTokenSchema = z
  .string()
  .regex(/^\d{1,20}$/, 'expected a decimal string')
  .meta({ example: LEASE_EXAMPLE.fencingToken, description: 'That of a lease' });

export const verifySchema = z
  .strictObject({ fencingToken: fencingTokenSchema })
  .meta({ id: 'Verify', example: { fencingToken: LEASE_EXAMPLE.fencingToken } });
export type Verify = z.infer<typeof verifySchema>;

const currentTokenSchema = z
  .string()
  .nullable()
  .describe('The largest token that was granted; null when it is not known');
export const verifiedSchema = z
  .strictObject({
    valid: z
      .boolean()
      .describe('Whether no larger token was granted; false, too, when the name is no longer known'),
    currentToken: currentTokenSchema,
  })
  .meta({ id: 'Verified', example: { valid: true, currentToken: LEASE_EXAMPLE.fencingToken } });
/** `valid`: no larger token was granted. False when the token of the name is no longer known. */
export type Verified = z.infer<typeof verifiedSchema>;

export const waiterSchema = z.strictObject({
  owner: z.string().describe('Who waits'),
  mode: leaseModeSchema,
  position: z.int().min(1).describe('Place in the line; 1: the next'),
  waitingSince: instantSchema.describe('When it began to wait'),
});
export type Waiter = z.infer<typeof waiterSchema>;

export const lockShape = {
  name: nameSchema,
  mode: z.enum(['free', 'exclusive', 'shared']).describe('How it is held now'),
  holders: z.array(holderSchema).describe('At most 1,000'),
  waiters: z.array(waiterSchema).describe('In the order of the line; at most 1,000'),
  currentToken: currentTokenSchema,
};
export const LOCK_EXAMPLE = {
  name: 'invoice-42',
  mode: 'exclusive',
  holders: [HOLDER_EXAMPLE],
  waiters: [{ owner: 'worker-8', mode: 'exclusive', position: 1, waitingSince: '2026-01-31T09:30:02.000Z' }],
  currentToken: LEASE_EXAMPLE.fencingToken,
};

export const lockSchema = z.strictObject(lockShape).meta({ id: 'Lock', example: LOCK_EXAMPLE });
/** The current state of a lock, with at most 1,000 holders and waiters. `currentToken`: null when it is not known. */
export type Lock = z.infer<typeof lockSchema>;

export const listLocksSchema = z.strictObject({
  prefix: namePrefixSchema,
  cursor: nameCursorSchema,
  limit: pageLimitSchema,
  awaited: z
    .stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive' })
    .default(false)
    .describe('Only those that somebody waits for; pages may be short then'),
});
export type ListLocks = z.infer<typeof listLocksSchema>;

export const lockPageSchema = z
  .strictObject({
    locks: z.array(lockSchema).describe('In the order of their names'),
    cursor: nextNameSchema,
  })
  .meta({ id: 'LockPage', example: { locks: [LOCK_EXAMPLE], cursor: null } });
/** `cursor`: start of the next page; null at the end. */
export type LockPage = z.infer<typeof lockPageSchema>;

/** Whether all names are different. */
const distinct = (names: readonly string[]) => new Set(names).size === names.length;
const setNamesSchema = z
  .array(nameSchema)
  .min(1)
  .max(32)
  .refine(distinct, 'expected every name once')
  .meta({ example: ['account-1', 'account-2'], description: 'All names of the set, each once' });

const LEASE_SET = {
  leaseId: LEASE_EXAMPLE.leaseId,
  leases: [
    { ...LEASE_EXAMPLE, name: 'account-1' },
    { ...LEASE_EXAMPLE, name: 'account-2', mode: 'shared' as const },
  ],
  durability: 'local' as const,
};

export const acquireSetSchema = z
  .strictObject({
    locks: z
      .array(z.strictObject({ name: nameSchema, mode: leaseModeSchema.default('exclusive') }))
      .min(1)
      .max(32)
      .refine((locks) => distinct(locks.map((lock) => lock.name)), 'expected every name once')
      .describe('All are granted, or none'),
    owner: ownerNameSchema,
    ttlMs: leaseTtlMs.default(30_000),
    waitMs: waitMs.default(0),
    leaseId: newLeaseIdSchema.optional(),
    sessionId: sessionIdSchema.optional(),
    metadata: metadataSchema.optional(),
  })
  .meta({
    id: 'AcquireSet',
    example: {
      locks: [{ name: 'account-1' }, { name: 'account-2', mode: 'shared' }],
      owner: 'worker-7',
      waitMs: 5_000,
    },
  });
/** Several locks, all or none, under one lease id and one deadline. */
export type AcquireSet = z.infer<typeof acquireSetSchema>;

export const leaseSetSchema = z
  .strictObject({
    leaseId: z.string().describe('The right to renew and to release them all'),
    leases: z.array(leaseSchema).describe('One for each name'),
    durability: lockLevelSchema,
  })
  .meta({ id: 'LeaseSet', example: LEASE_SET });
export type LeaseSet = z.infer<typeof leaseSetSchema>;

export const renewSetSchema = z
  .strictObject({ leaseId: leaseIdSchema, names: setNamesSchema, ttlMs: renewedTtlSchema.optional() })
  .meta({ id: 'RenewSet', example: { leaseId: LEASE_EXAMPLE.leaseId, names: ['account-1', 'account-2'] } });
export type RenewSet = z.infer<typeof renewSetSchema>;

export const releaseSetSchema = z
  .strictObject({ leaseId: leaseIdSchema, names: setNamesSchema })
  .meta({ id: 'ReleaseSet', example: { leaseId: LEASE_EXAMPLE.leaseId, names: ['account-1', 'account-2'] } });
export type ReleaseSet = z.infer<typeof releaseSetSchema>;

const opSchema = <Op extends string>(op: Op) => z.literal(op).describe('The call; its fields stand beside');
/** Each operation has the fields of its single call, plus `op` and `name`. */
export const batchOperationSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: opSchema('acquire'), name: nameSchema, ...acquireSchema.shape }),
  z.strictObject({ op: opSchema('renew'), name: nameSchema, ...renewSchema.shape }),
  z.strictObject({ op: opSchema('release'), name: nameSchema, ...releaseSchema.shape }),
]);
export type BatchOperation = z.infer<typeof batchOperationSchema>;

export const batchSchema = z
  .strictObject({
    operations: z
      .array(batchItem(batchOperationSchema))
      .min(1)
      .max(512)
      .describe('Each is judged by itself: one that is refused does not hold up the others'),
  })
  .meta({
    id: 'Batch',
    example: {
      operations: [
        { op: 'acquire', name: 'invoice-42', owner: 'worker-7' },
        { op: 'release', name: 'invoice-41', leaseId: LEASE_EXAMPLE.leaseId },
      ],
    },
  });
/** Each operation is validated by itself: an invalid one does not fail the others. */
export type Batch = z.infer<typeof batchSchema>;

export const batchResultsSchema = z
  .strictObject({
    results: z
      .array(
        z.strictObject({
          status: z.int().describe('HTTP status of the single call'),
          body: z
            .union([leaseSchema, releasedSchema, problemSchema])
            .describe('What the single call would have answered'),
        }),
      )
      .describe('In the order of the operations'),
  })
  .meta({
    id: 'BatchResults',
    example: {
      results: [
        { status: 200, body: LEASE_EXAMPLE },
        { status: 200, body: RELEASED_EXAMPLE },
      ],
    },
  });
/** The answer that each operation would have got as a single call, in the same order. */
export type BatchResults = z.infer<typeof batchResultsSchema>;

export const revokeSchema = z
  .strictObject({ reason: z.string().max(1_024).optional().describe('Kept in the audit stream') })
  .meta({ id: 'Revoke', example: { reason: 'the worker is known to be dead' } });
export type Revoke = z.infer<typeof revokeSchema>;
export const revokedSchema = z
  .strictObject({
    revoked: z.array(z.string()).describe('Lease ids of those that were taken away'),
    durability: lockLevelSchema,
  })
  .meta({ id: 'Revoked', example: { revoked: [LEASE_EXAMPLE.leaseId], durability: 'local' } });
/** Ids of the revoked leases. */
export type Revoked = z.infer<typeof revokedSchema>;

/** Kinds of events of a lock. */
export const LEASE_EVENTS = ['acquired', 'released', 'expired', 'revoked'] as const;
export type LeaseEventKind = (typeof LEASE_EVENTS)[number];
