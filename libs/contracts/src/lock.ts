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
    leaseId: leaseIdSchema.optional(),
    sessionId: sessionIdSchema.optional(),
    metadata: metadataSchema.optional(),
  })
  .meta({ id: 'Acquire', example: { owner: 'worker-7', ttlMs: 30_000, waitMs: 5_000 } });
/** `leaseId`: a repeated call with the same id, through any node, returns the same grant. `waitMs` 0: do not wait. */
export type Acquire = z.infer<typeof acquireSchema>;

export const renewSchema = z
  .strictObject({ leaseId: leaseIdSchema, ttlMs: leaseTtlMs.optional() })
  .meta({ id: 'Renew', example: { leaseId: LEASE_EXAMPLE.leaseId, ttlMs: 30_000 } });
/** Without `ttlMs` the lease keeps its TTL. */
export type Renew = z.infer<typeof renewSchema>;

export const releaseSchema = z
  .strictObject({ leaseId: leaseIdSchema })
  .meta({ id: 'Release', example: { leaseId: LEASE_EXAMPLE.leaseId } });
export type Release = z.infer<typeof releaseSchema>;

const RELEASED_EXAMPLE = { released: true, durability: 'local' as const };
export const releasedSchema = z
  .strictObject({ released: z.boolean(), durability: lockLevelSchema })
  .meta({ id: 'Released', example: RELEASED_EXAMPLE });
/** `released` is false when the lease was released before. */
export type Released = z.infer<typeof releasedSchema>;

export const fencingTokenSchema = z
  .string()
  .regex(/^\d{1,20}$/, 'expected a decimal string')
  .meta({ example: LEASE_EXAMPLE.fencingToken });

export const verifySchema = z
  .strictObject({ fencingToken: fencingTokenSchema })
  .meta({ id: 'Verify', example: { fencingToken: LEASE_EXAMPLE.fencingToken } });
export type Verify = z.infer<typeof verifySchema>;

export const verifiedSchema = z
  .strictObject({ valid: z.boolean(), currentToken: z.string().nullable() })
  .meta({ id: 'Verified', example: { valid: true, currentToken: LEASE_EXAMPLE.fencingToken } });
/** `valid`: no larger token was granted. False when the token of the name is no longer known. */
export type Verified = z.infer<typeof verifiedSchema>;

export const waiterSchema = z.strictObject({
  owner: z.string(),
  mode: leaseModeSchema,
  position: z.int().min(1),
  waitingSince: instantSchema,
});
export type Waiter = z.infer<typeof waiterSchema>;

export const lockShape = {
  name: nameSchema,
  mode: z.enum(['free', 'exclusive', 'shared']),
  holders: z.array(holderSchema),
  waiters: z.array(waiterSchema),
  currentToken: z.string().nullable(),
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
  .strictObject({ locks: z.array(lockSchema), cursor: nextNameSchema })
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
  .meta({ example: ['account-1', 'account-2'] });

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
      .refine((locks) => distinct(locks.map((lock) => lock.name)), 'expected every name once'),
    owner: ownerNameSchema,
    ttlMs: leaseTtlMs.default(30_000),
    waitMs: waitMs.default(0),
    leaseId: leaseIdSchema.optional(),
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
  .strictObject({ leaseId: z.string(), leases: z.array(leaseSchema), durability: lockLevelSchema })
  .meta({ id: 'LeaseSet', example: LEASE_SET });
export type LeaseSet = z.infer<typeof leaseSetSchema>;

export const renewSetSchema = z
  .strictObject({ leaseId: leaseIdSchema, names: setNamesSchema, ttlMs: leaseTtlMs.optional() })
  .meta({ id: 'RenewSet', example: { leaseId: LEASE_EXAMPLE.leaseId, names: ['account-1', 'account-2'] } });
export type RenewSet = z.infer<typeof renewSetSchema>;

export const releaseSetSchema = z
  .strictObject({ leaseId: leaseIdSchema, names: setNamesSchema })
  .meta({ id: 'ReleaseSet', example: { leaseId: LEASE_EXAMPLE.leaseId, names: ['account-1', 'account-2'] } });
export type ReleaseSet = z.infer<typeof releaseSetSchema>;

/** Each operation has the fields of its single call, plus `op` and `name`. */
export const batchOperationSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('acquire'), name: nameSchema, ...acquireSchema.shape }),
  z.strictObject({ op: z.literal('renew'), name: nameSchema, ...renewSchema.shape }),
  z.strictObject({ op: z.literal('release'), name: nameSchema, ...releaseSchema.shape }),
]);
export type BatchOperation = z.infer<typeof batchOperationSchema>;

export const batchSchema = z
  .strictObject({
    operations: z.array(batchItem(batchOperationSchema)).min(1).max(512),
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
    results: z.array(
      z.strictObject({ status: z.int(), body: z.union([leaseSchema, releasedSchema, problemSchema]) }),
    ),
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
  .strictObject({ reason: z.string().max(1_024).optional() })
  .meta({ id: 'Revoke', example: { reason: 'the worker is known to be dead' } });
export type Revoke = z.infer<typeof revokeSchema>;
export const revokedSchema = z
  .strictObject({ revoked: z.array(z.string()), durability: lockLevelSchema })
  .meta({ id: 'Revoked', example: { revoked: [LEASE_EXAMPLE.leaseId], durability: 'local' } });
/** Ids of the revoked leases. */
export type Revoked = z.infer<typeof revokedSchema>;

/** Kinds of events of a lock. */
export const LEASE_EVENTS = ['acquired', 'released', 'expired', 'revoked'] as const;
export type LeaseEventKind = (typeof LEASE_EVENTS)[number];
