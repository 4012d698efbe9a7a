import { z } from 'zod';
import { ROLES, type Role } from './cluster.js';
import { tenantNameSchema } from './realms.js';

/** What a key may be allowed to do at the nodes of each role. */
export const ACTIONS = {
  lock: ['read', 'lock', 'configure', 'purge', 'admin'],
  queue: ['read', 'produce', 'consume', 'configure', 'purge', 'admin'],
  cache: ['read', 'write', 'configure', 'purge', 'admin'],
} as const satisfies Record<Role, readonly string[]>;

/**
 * `read`: look at names and what they hold. `lock`: acquire, renew and release. `produce`: send. `consume`: receive and end
 * deliveries. `write`: store and remove entries. `configure`: change settings, pause and resume. `purge`: destroy what is
 * stored, or take it away from others. `admin`: what concerns the cluster as a whole.
 */
export type Action = (typeof ACTIONS)[Role][number];
const ALL_ACTIONS = [...new Set(ROLES.flatMap((role): readonly Action[] => ACTIONS[role]))] as [
  Action,
  ...Action[],
];

/** Most names and prefixes of one key: a list reads each of them. */
const MAX_NAMES = 256;

/** A name, or the beginning of names and `*`. A list of such names is a few ranges, whatever else there is. */
const namesSchema = z
  .string()
  .regex(
    /^(?=.)[A-Za-z0-9._:/@{}-]{0,256}\*?$/,
    'expected a name, or a prefix of names and "*", as in billing:*',
  )
  .meta({ example: 'billing:*' });

export const grantSchema = z
  .strictObject({
    role: z.enum([...ROLES, '*']).describe('`*`: nodes of every role'),
    actions: z.array(z.enum(ALL_ACTIONS)).min(1),
    names: z.array(namesSchema).min(1).max(MAX_NAMES).describe('Locks and semaphores, queues, or caches'),
  })
  .refine(
    ({ role, actions }) =>
      role === '*' || actions.every((action) => (ACTIONS[role] as readonly Action[]).includes(action)),
    { path: ['actions'], error: 'expected actions of this role' },
  );
/** Allows every one of the actions on every one of the names. */
export type Grant = z.infer<typeof grantSchema>;

export const secretHashSchema = z
  .string()
  .regex(
    /^sha256:[0-9a-f]{64}$/,
    'expected sha256: and 64 hexadecimal digits, as syncline keys new prints it',
  );

const secretSchema = z
  .strictObject({
    hash: secretHashSchema.optional(),
    secret: z
      .string()
      .regex(/^[\x21-\x7e]{32,256}$/, 'expected 32 to 256 visible ASCII characters, chosen at random')
      .optional()
      .describe(
        'Instead of `hash`, the secret itself: clients of SQS sign with it, and nothing else can verify that',
      ),
    expiresAt: z.iso.datetime({ offset: true }).optional(),
  })
  .refine(({ hash, secret }) => (hash === undefined) !== (secret === undefined), {
    path: ['hash'],
    error: 'expected either hash or secret',
  });

const subjectSchema = z
  .string()
  .max(2_048)
  .regex(
    /^(?:[a-z][a-z0-9+.-]*:[\x21\x23-\x2b\x2d-\x7e]+|[a-z0-9*_-]+(?:\.[a-z0-9*_-]+)*)$/,
    'expected a name of DNS in lower case or a URI, as the certificate has it: billing.internal, spiffe://example.com/billing',
  );

const quotaSchema = z.int().min(1).max(1_000_000).optional();
const quotasSchema = z
  .strictObject({
    requestsPerSecond: quotaSchema.describe('A call of a call stream is a request; so is a batch'),
    waitingRequests: quotaSchema.describe('With `waitMs`, at a time'),
    callStreams: quotaSchema.describe('At a time'),
  })
  .describe('Most that the key or the tenant may have at one node; without them: what every client may have');
export type Quotas = z.infer<typeof quotasSchema>;

const stockSchema = z.int().min(1).optional();
/** Most that the names of a tenant may take up. */
const stockQuotasSchema = z.strictObject({
  queues: stockSchema.describe('In Redis, dead-letter queues too'),
  messageBytes: stockSchema.describe(
    'In Redis: of messages and results, as `stats.bytes` of queues counts them',
  ),
  entryBytes: stockSchema.describe(
    'In Redis: of keys and values of entries, as `stats.bytes` of caches counts them',
  ),
  locks: stockSchema.describe('Locks and semaphores held at a time'),
  nearCacheBytes: stockSchema.describe('In the memory of each node'),
});
export type StockQuotas = z.infer<typeof stockQuotasSchema>;
export type StockQuota = keyof StockQuotas;

const tenantSchema = z.strictObject({
  name: tenantNameSchema,
  quotas: quotasSchema.extend(stockQuotasSchema.shape).optional().describe('Of all its keys together'),
});
/** Whose keys have names of their own. */
export type Tenant = z.infer<typeof tenantSchema>;

export const apiKeySchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 characters out of A-Z a-z 0-9 . _ -')
    .describe('Shown in refusals and logs'),
  secrets: z
    .array(secretSchema)
    .max(8)
    .describe(
      'Any of them is the key: two while one replaces the other. Without `expiresAt` it does not expire',
    ),
  certificates: z
    .array(subjectSchema)
    .max(64)
    .optional()
    .describe(
      'A client whose certificate has one of these as alternative name (DNS or URI) has this key; the node needs `TLS_CLIENT_CA`',
    ),
  grants: z
    .array(grantSchema)
    .max(64)
    .refine(
      (grants) => grants.reduce((sum, { names }) => sum + names.length, 0) <= MAX_NAMES,
      `expected at most ${MAX_NAMES} names in all grants of a key; use prefixes`,
    ),
  quotas: quotasSchema.optional(),
  tenant: tenantNameSchema
    .optional()
    .describe('One of `tenants`: all names of the key are names of this tenant, and nobody else has them'),
});
/** One caller: its secrets, and what it may do. */
export type ApiKey = z.infer<typeof apiKeySchema>;

const isDistinct = (values: readonly string[]) => new Set(values).size === values.length;

/** The file that `API_KEYS_FILE` names. */
export const apiKeysFileSchema = z
  .strictObject({
    $schema: z.string().optional(),
    keys: z
      .array(apiKeySchema)
      .max(10_000)
      .refine((keys) => isDistinct(keys.map(({ name }) => name)), 'expected every name once')
      .refine(
        (keys) => isDistinct(keys.flatMap(({ secrets }) => secrets.flatMap(({ hash = [] }) => hash))),
        'expected every hash once',
      )
      .refine(
        (keys) => isDistinct(keys.flatMap(({ secrets }) => secrets.flatMap(({ secret = [] }) => secret))),
        'expected every secret once',
      )
      .refine(
        (keys) => isDistinct(keys.flatMap(({ certificates = [] }) => certificates)),
        'expected every certificate once',
      ),
    tenants: z
      .array(tenantSchema)
      .max(10_000)
      .default([])
      .refine((tenants) => isDistinct(tenants.map(({ name }) => name)), 'expected every name once'),
  })
  .superRefine(({ keys, tenants }, context) => {
    const names = new Set(tenants.map(({ name }) => name));
    for (const [i, { tenant, grants }] of keys.entries()) {
      if (tenant === undefined) continue;
      if (!names.has(tenant)) refuse(i, 'tenant', 'expected a tenant that stands in `tenants`');
      if (grants.some(({ actions }) => actions.includes('admin'))) {
        refuse(i, 'grants', 'expected no `admin` in a key of a tenant: it concerns the cluster as a whole');
      }
    }
    function refuse(key: number, field: string, message: string): void {
      context.addIssue({ code: 'custom', path: ['keys', key, field], message });
    }
  })
  .meta({
    id: 'ApiKeys',
    description: 'Who may do what at the nodes of Syncline',
    example: {
      keys: [
        {
          name: 'billing',
          secrets: [{ hash: `sha256:${'0'.repeat(64)}`, expiresAt: '2027-01-31T00:00:00Z' }],
          grants: [{ role: 'queue', actions: ['produce', 'consume'], names: ['billing:*'] }],
        },
      ],
    },
  });
export type ApiKeysFile = z.infer<typeof apiKeysFileSchema>;
