import { z } from 'zod';
import { durationMs, ILL_FORMED, instantSchema, isWellFormed, jsonSchema } from './fields.js';

/** Longest life of an entry: one year. */
export const MAX_TTL_MS = 31_536_000_000;
/** Largest key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1_024;
/** Largest value, in bytes. */
export const MAX_ENTRY_BYTES = 1_048_576;
export const MAX_TAGS = 32;

/** At most three bytes a UTF-16 unit: most keys need not be encoded to know. */
const fitsInKey = (key: string) =>
  key.length * 3 <= MAX_KEY_BYTES || new TextEncoder().encode(key).length <= MAX_KEY_BYTES;

/** Key of a cache entry: any text that UTF-8 can carry. Percent-encode it in a path. */
export const cacheKeySchema = z
  .string()
  .min(1)
  .refine(isWellFormed, ILL_FORMED)
  .refine(fitsInKey, { error: `expected at most ${MAX_KEY_BYTES} bytes of UTF-8` })
  .meta({ example: 'user/42' });

/** A key that stands in a path. `.` and `..` cannot: whatever normalises a URL takes them for steps of the path. */
export const pathKeySchema = cacheKeySchema.refine((key) => key !== '.' && key !== '..', {
  error: 'the keys . and .. cannot stand in a path: use mget, mset and mdelete',
});

/** For code alone: Swagger UI would compile a pattern without the flag u, which this one needs. */
const TAG = /^[^,\p{Cc}\p{Cs}]{1,256}$/u;
const isTag = (text: string): boolean => TAG.test(text);
/** A tag: 1 to 256 characters, no comma, no control character. */
export const tagSchema = z
  .string()
  .refine(isTag, 'expected 1 to 256 characters without a comma or a control character')
  .meta({ example: 'users' });

const tagListSchema = z
  .string()
  .refine((text) => text.split(',').every(isTag), 'expected tags of 1 to 256 characters, separated by commas')
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
/** How long after its life an entry is served as stale, ms. */
export const staleMsSchema = durationMs(0, MAX_TTL_MS);

/**
 * How a value travels in JSON: `json`, the value itself; `utf8`, its text; `base64`, its bytes. By default a value is
 * `json` when its content type says so and JavaScript reads it exactly (`12345678901234567890` is no such number), else
 * `utf8` when it is valid UTF-8, else `base64`. Who asks for `json` gets it for any content type; who asks for `utf8`
 * or `base64` gets every byte.
 */
export const encodingSchema = z.enum(['json', 'utf8', 'base64']);
export type Encoding = z.infer<typeof encodingSchema>;

/** A `Content-Encoding`, kept with the bytes: whoever stored them compressed them. */
export const contentEncodingSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9!#$%&'*+.^_`|~-]+(?: *, *[A-Za-z0-9!#$%&'*+.^_`|~-]+)*$/,
    'expected encodings such as gzip',
  )
  .max(64)
  .meta({ example: 'gzip' });

export const valueFields = {
  value: jsonSchema,
  encoding: encodingSchema,
  contentType: z.string(),
  contentEncoding: contentEncodingSchema.optional(),
  version: versionSchema,
  expiresAt: instantSchema.nullable(),
};
export const EXAMPLE_VALUE = {
  value: { name: 'Ada' },
  encoding: 'json',
  contentType: 'application/json',
  version: '1769851800000000',
  expiresAt: '2026-01-31T09:31:00.000Z',
} as const;

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
