import { z } from 'zod';
import { durationMs, instantSchema, jsonSchema } from './fields.js';

/** Longest life of an entry: one year. */
export const MAX_TTL_MS = 31_536_000_000;
/** Largest key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1_024;
/** Largest value, in bytes. */
export const MAX_ENTRY_BYTES = 1_048_576;
export const MAX_TAGS = 32;

/** No half of a surrogate pair: UTF-8 cannot carry one. */
const WELL_FORMED = /^\P{Cs}*$/u;

/** At most three bytes a UTF-16 unit: most keys need not be encoded to know. */
const fitsInKey = (key: string) =>
  key.length * 3 <= MAX_KEY_BYTES || new TextEncoder().encode(key).length <= MAX_KEY_BYTES;

/** Key of a cache entry: any text that UTF-8 can carry. Percent-encode it in a path. */
export const cacheKeySchema = z
  .string()
  .min(1)
  .regex(WELL_FORMED, 'expected well-formed Unicode')
  .refine(fitsInKey, { error: `expected at most ${MAX_KEY_BYTES} bytes of UTF-8` })
  .meta({ example: 'user/42' });

const TAG = /^[^,\p{Cc}\p{Cs}]{1,256}$/u;
/** A tag: 1 to 256 characters, no comma, no control character. */
export const tagSchema = z
  .string()
  .regex(TAG, 'expected 1 to 256 characters without a comma or a control character')
  .meta({ example: 'users' });

const tagListSchema = z
  .string()
  .refine(
    (text) => text.split(',').every((tag) => TAG.test(tag)),
    'expected tags of 1 to 256 characters, separated by commas',
  )
  .refine((text) => text.split(',').length <= MAX_TAGS, `expected at most ${MAX_TAGS} tags`);

/** A version: a decimal string, never used again within its cache. It is also the ETag, in quotes. */
export const versionSchema = z.string().regex(/^\d+$/).meta({ example: '1769851800000000' });

export const putEntryQuerySchema = z.strictObject({
  ttlMs: z.coerce.number().int().min(1).max(MAX_TTL_MS).optional(),
  staleMs: z.coerce.number().int().min(0).max(MAX_TTL_MS).optional(),
  tags: tagListSchema.optional(),
});
/** `ttlMs`: life of the entry (default: that of the cache). `staleMs`: how long after it the entry is served as stale. */
export type PutEntryQuery = z.infer<typeof putEntryQuerySchema>;

export const storedEntrySchema = z
  .strictObject({ version: versionSchema, expiresAt: instantSchema.nullable() })
  .meta({
    id: 'StoredEntry',
    example: { version: '1769851800000000', expiresAt: '2026-01-31T09:31:00.000Z' },
  });
/** What a write made. `expiresAt` is null for an entry without a TTL. */
export type StoredEntry = z.infer<typeof storedEntrySchema>;

/** Life of an entry, ms. */
export const ttlMsSchema = durationMs(1, MAX_TTL_MS);
const staleMsSchema = durationMs(0, MAX_TTL_MS);
const keysSchema = z.array(cacheKeySchema).min(1).max(1000);

/**
 * How a value travels in JSON: `json`, the value itself; `utf8`, its text; `base64`, its bytes. A value is `json` when
 * its content type says so and it parses, else `utf8` when it is valid UTF-8, else `base64`.
 */
export const encodingSchema = z.enum(['json', 'utf8', 'base64']);
export type Encoding = z.infer<typeof encodingSchema>;

const valueFields = {
  value: jsonSchema,
  encoding: encodingSchema,
  contentType: z.string(),
  version: versionSchema,
  expiresAt: instantSchema.nullable(),
};
const EXAMPLE_VALUE = {
  value: { name: 'Ada' },
  encoding: 'json',
  contentType: 'application/json',
  version: '1769851800000000',
  expiresAt: '2026-01-31T09:31:00.000Z',
} as const;

export const fillBodySchema = z
  .strictObject({
    waitMs: durationMs(0, 600_000).default(0),
    leaseMs: durationMs(100, 3_600_000).default(5_000),
  })
  .meta({ id: 'Fill', example: { waitMs: 2000, leaseMs: 5000 } });
/**
 * `waitMs`: how long to wait while somebody else computes the value. `leaseMs`: how long this caller may take, when
 * it is the one to compute it.
 */
export type FillBody = z.infer<typeof fillBodySchema>;

export const fillResultSchema = z
  .strictObject({
    status: z.enum(['hit', 'stale', 'lease']),
    ...z.object(valueFields).partial().shape,
    fillLease: z.string().optional(),
  })
  .meta({ id: 'FillResult', example: { status: 'hit', ...EXAMPLE_VALUE } });
/** `hit` and `stale` carry the value. `lease`, and `stale` for one caller, carry the `fillLease` to store a new one with. */
export type FillResult = z.infer<typeof fillResultSchema>;

export const incrementBodySchema = z
  .strictObject({
    by: z.int().default(1),
    ttlMs: ttlMsSchema.optional(),
  })
  .meta({ id: 'Increment', example: { by: 1, ttlMs: 60000 } });
/** `ttlMs`: life of a counter that this call creates. */
export type IncrementBody = z.infer<typeof incrementBodySchema>;

export const counterSchema = z
  .strictObject({ value: z.int(), version: versionSchema })
  .meta({ id: 'Counter', example: { value: 42, version: '1769851800000000' } });
export type Counter = z.infer<typeof counterSchema>;

export const keysBodySchema = z
  .strictObject({ keys: keysSchema })
  .meta({ id: 'Keys', example: { keys: ['user/42', 'user/43'] } });
export type KeysBody = z.infer<typeof keysBodySchema>;

export const readEntriesSchema = z
  .strictObject({
    entries: z.array(
      z.strictObject({ key: cacheKeySchema, found: z.boolean(), ...z.object(valueFields).partial().shape }),
    ),
  })
  .meta({
    id: 'ReadEntries',
    example: {
      entries: [
        { key: 'user/42', found: true, ...EXAMPLE_VALUE },
        { key: 'user/43', found: false },
      ],
    },
  });
/** In the order of the keys. */
export type ReadEntries = z.infer<typeof readEntriesSchema>;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const newEntrySchema = z
  .strictObject({
    key: cacheKeySchema,
    value: jsonSchema,
    encoding: encodingSchema.optional(),
    contentType: z
      .string()
      .regex(/^[\x20-\x7e]{1,256}$/)
      .optional(),
    ttlMs: ttlMsSchema.optional(),
    staleMs: staleMsSchema.optional(),
    tags: z.array(tagSchema).max(MAX_TAGS).optional(),
  })
  .refine(({ value, encoding }) => (encoding ?? 'json') === 'json' || typeof value === 'string', {
    path: ['value'],
    error: 'expected a string in this encoding',
  })
  .refine(({ value, encoding }) => encoding !== 'base64' || BASE64.test(String(value)), {
    path: ['value'],
    error: 'expected base64',
  });
export const newEntriesSchema = z.strictObject({ entries: z.array(newEntrySchema).min(1).max(1000) }).meta({
  id: 'NewEntries',
  example: { entries: [{ key: 'user/42', value: { name: 'Ada' }, ttlMs: 60000, tags: ['users'] }] },
});
/** `encoding`: of the value; default `utf8` for a string, else `json`. The content type follows from it by default. */
export type NewEntries = z.infer<typeof newEntriesSchema>;

export const writtenEntriesSchema = z
  .strictObject({
    results: z.array(
      z.strictObject({
        key: cacheKeySchema,
        status: z.enum(['created', 'replaced', 'refused']),
        version: versionSchema.optional(),
        expiresAt: instantSchema.nullable().optional(),
        code: z.string().optional(),
        detail: z.string().optional(),
      }),
    ),
  })
  .meta({
    id: 'WrittenEntries',
    example: {
      results: [
        {
          key: 'user/42',
          status: 'created',
          version: '1769851800000000',
          expiresAt: '2026-01-31T09:31:00.000Z',
        },
      ],
    },
  });
/** In the order of the entries. `refused` carries the `code` and `detail` of the problem. */
export type WrittenEntries = z.infer<typeof writtenEntriesSchema>;

export const deletedEntriesSchema = z
  .strictObject({
    results: z.array(z.strictObject({ key: cacheKeySchema, status: z.enum(['deleted', 'absent']) })),
  })
  .meta({ id: 'DeletedEntries', example: { results: [{ key: 'user/42', status: 'deleted' }] } });
/** In the order of the keys. */
export type DeletedEntries = z.infer<typeof deletedEntriesSchema>;

export const invalidateBodySchema = z
  .strictObject({
    tags: z.array(tagSchema).min(1).max(MAX_TAGS).optional(),
    prefix: cacheKeySchema.optional(),
  })
  .refine(({ tags, prefix }) => (tags === undefined) !== (prefix === undefined), {
    path: ['tags'],
    error: 'expected either tags or prefix',
  })
  .meta({ id: 'Invalidate', example: { tags: ['users'] } });
/** The entries with any of the tags, or those whose key begins with the prefix. */
export type InvalidateBody = z.infer<typeof invalidateBodySchema>;

export const invalidatedSchema = z
  .strictObject({ invalidated: z.int() })
  .meta({ id: 'Invalidated', example: { invalidated: 1 } });
/** How many tags or prefixes were invalidated; their entries are not counted, so that it costs the same for any number. */
export type Invalidated = z.infer<typeof invalidatedSchema>;
