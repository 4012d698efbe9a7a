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

/** A condition that no two names of one call are the same. */
const distinct = (names: readonly string[]) => new Set(names).size === names.length;
const setNamesSchema = z
  .array(nameSchema)
  .min(1)
  .max(32)
  .refine(distinct, 'expected every name once')
  .meta({ example: ['account-1', 'account-2'] });

const LEASE_SET = {
  leaseId: LEASE.leaseId,
  leases: [
    { ...LEASE, name: 'account-1' },
    { ...LEASE, name: 'account-2', mode: 'shared' as const },
  ],
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
  .strictObject({ leaseId: z.string(), leases: z.array(leaseSchema) })
  .meta({ id: 'LeaseSet', example: LEASE_SET });
export type LeaseSet = z.infer<typeof leaseSetSchema>;

export const renewSetSchema = z
  .strictObject({ leaseId: leaseIdSchema, names: setNamesSchema, ttlMs: leaseTtlMs.optional() })
  .meta({ id: 'RenewSet', example: { leaseId: LEASE.leaseId, names: ['account-1', 'account-2'] } });
export type RenewSet = z.infer<typeof renewSetSchema>;

export const releaseSetSchema = z
  .strictObject({ leaseId: leaseIdSchema, names: setNamesSchema })
  .meta({ id: 'ReleaseSet', example: { leaseId: LEASE.leaseId, names: ['account-1', 'account-2'] } });
export type ReleaseSet = z.infer<typeof releaseSetSchema>;

/** Each operation takes what its own call takes, with `op` and `name` beside it. */
export const batchOperationSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('acquire'), name: nameSchema, ...acquireSchema.shape }),
  z.strictObject({ op: z.literal('renew'), name: nameSchema, ...renewSchema.shape }),
  z.strictObject({ op: z.literal('release'), name: nameSchema, ...releaseSchema.shape }),
]);
export type BatchOperation = z.infer<typeof batchOperationSchema>;

export const batchSchema = z
  .strictObject({
    operations: z
      .array(z.looseObject({ op: z.string(), name: z.string() }))
      .min(1)
      .max(512),
  })
  .meta({
    id: 'Batch',
    example: {
      operations: [
        { op: 'acquire', name: 'invoice-42', owner: 'worker-7' },
        { op: 'release', name: 'invoice-41', leaseId: LEASE.leaseId },
      ],
    },
  });
/** Operations that are judged one by one: a bad one does not spoil the others. */
export type Batch = z.infer<typeof batchSchema>;

export const batchResultsSchema = z
  .strictObject({
    results: z.array(z.strictObject({ status: z.int(), body: z.record(z.string(), z.json()) })),
  })
  .meta({
    id: 'BatchResults',
    example: {
      results: [
        { status: 200, body: LEASE },
        { status: 200, body: { released: true } },
      ],
    },
  });
/** What each operation would have been answered if it had been called alone, in the same order. */
export type BatchResults = z.infer<typeof batchResultsSchema>;

export const revokeSchema = z
  .strictObject({ reason: z.string().max(1_024).optional() })
  .meta({ id: 'Revoke', example: { reason: 'the worker is known to be dead' } });
export type Revoke = z.infer<typeof revokeSchema>;
export const revokedSchema = z
  .strictObject({ revoked: z.array(z.string()) })
  .meta({ id: 'Revoked', example: { revoked: [LEASE.leaseId] } });
/** Ids of the leases that were taken away. */
export type Revoked = z.infer<typeof revokedSchema>;

/** Largest limit of a semaphore. */
export const MAX_SEMAPHORE_LIMIT = 100_000;
const limitSchema = z.int().min(1).max(MAX_SEMAPHORE_LIMIT);

export const acquirePermitsSchema = z
  .strictObject({
    owner: ownerNameSchema,
    limit: limitSchema.optional(),
    permits: z.int().min(1).max(MAX_SEMAPHORE_LIMIT).default(1),
    ttlMs: leaseTtlMs.default(30_000),
    waitMs: waitMs.default(0),
    leaseId: leaseIdSchema.optional(),
    sessionId: sessionIdSchema.optional(),
    metadata: metadataSchema.optional(),
  })
  .refine(({ permits, limit }) => limit === undefined || permits <= limit, {
    path: ['permits'],
    message: 'expected at most the limit',
  })
  .meta({ id: 'AcquirePermits', example: { owner: 'worker-7', limit: 10, permits: 2, waitMs: 5_000 } });
/** The first caller sets `limit`; later ones give the same one, or none. */
export type AcquirePermits = z.infer<typeof acquirePermitsSchema>;

export const resizeSchema = z
  .strictObject({ limit: limitSchema })
  .meta({ id: 'Resize', example: { limit: 20 } });
export type Resize = z.infer<typeof resizeSchema>;

export const semaphoreSchema = z
  .strictObject({ ...lockShape, limit: z.int().nullable(), used: z.int() })
  .meta({
    id: 'Semaphore',
    example: {
      ...LOCK,
      name: 'downloads',
      mode: 'shared',
      holders: [{ ...LEASE, name: 'downloads', mode: 'shared', permits: 2 }],
      waiters: [],
      limit: 10,
      used: 2,
    },
  });
/** A semaphore as it is now. `limit`: null while nobody set one. `used`: permits that are taken. */
export type Semaphore = z.infer<typeof semaphoreSchema>;

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
    metadata: z.record(z.string(), z.json()).nullable(),
    leases: z.array(leaseSchema),
  })
  .meta({ id: 'SessionDetails', example: { ...SESSION, metadata: null, leases: [LEASE] } });
/** A session with its leases, at most 1,000 of them. */
export type SessionDetails = z.infer<typeof sessionDetailsSchema>;

/** Kinds of events of a lock. */
export const LEASE_EVENTS = ['acquired', 'released', 'expired', 'revoked'] as const;
export type LeaseEventKind = (typeof LEASE_EVENTS)[number];
