import { z } from 'zod';
import {
  durationMs,
  ILL_FORMED,
  instantSchema,
  isWellFormed,
  jsonSchema,
  pageLimitSchema,
} from './fields.js';

/** Longest TTL of an entry: one year. */
export const MAX_TTL_MS = 31_536_000_000;
/** Largest key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1_024;
/** Largest value, in bytes. */
export const MAX_ENTRY_BYTES = 1_048_576;
export const MAX_TAGS = 32;

/** A UTF-16 unit has at most three bytes in UTF-8, so most keys need not be encoded to check this. */
const fitsInKey = (key: string) =>
  key.length * 3 <= MAX_KEY_BYTES || new TextEncoder().encode(key).length <= MAX_KEY_BYTES;

/** Key of a cache entry: any string that UTF-8 can encode. Percent-encode it in a path. */
export const cacheKeySchema = z
  .string()
  .min(1)
  .refine(isWellFormed, ILL_FORMED)
  .refine(fitsInKey, { error: `expected at most ${MAX_KEY_BYTES} bytes of UTF-8` })
  .meta({
    example: 'user/42',
    description: `Any text of at most ${MAX_KEY_BYTES} bytes; percent-encoded in a path`,
  });

/** A key in a path. `.` and `..` are not allowed, because URL normalisation removes them. */
export const pathKeySchema = cacheKeySchema.refine((key) => key !== '.' && key !== '..', {
  error: 'the keys . and .. cannot be used in a path: use mget, mset and mdelete',
});

/** Not a pattern of the schema: Swagger UI compiles patterns without the flag `u`, which this one needs. */
const TAG = /^[^,\p{Cc}\p{Cs}]{1,256}$/u;
const isTag = (text: string): boolean => TAG.test(text);
/** A tag: 1 to 256 characters, no comma, no control character. */
export const tagSchema = z
  .string()
  .refine(isTag, 'expected 1 to 256 characters without a comma or a control character')
  .meta({ example: 'users', description: 'Invalidates all entries that have it' });

const tagListSchema = z
  .string()
  .refine((text) => text.split(',').every(isTag), 'expected tags of 1 to 256 characters, separated by commas')
  .refine((text) => text.split(',').length <= MAX_TAGS, `expected at most ${MAX_TAGS} tags`);

/** A version: a decimal string that the cache never uses again. In quotes it is the ETag. */
export const versionSchema = z.string().regex(/^\d+$/).meta({
  example: '1769851800000000',
  description: 'Decimal, never used again in this cache; in quotes it is the ETag',
});

const TTL = 'How long the entry lives, ms; default: as the cache says';
const STALE = 'How long after its TTL it is still served, as stale, while one caller computes it anew; ms';
export const putEntryQuerySchema = z.strictObject({
  ttlMs: z.coerce.number().int().min(1).max(MAX_TTL_MS).optional().describe(TTL),
  staleMs: z.coerce.number().int().min(0).max(MAX_TTL_MS).optional().describe(STALE),
  tags: tagListSchema.optional().describe('Separated by commas; they invalidate all entries that have one'),
});
/** `ttlMs`: TTL of the entry (default: the TTL of the cache). `staleMs`: how long after that the entry is served as stale. */
export type PutEntryQuery = z.infer<typeof putEntryQuerySchema>;

export const expirySchema = instantSchema.nullable().describe('When it ends; null: never by itself');
export const storedEntrySchema = z.strictObject({ version: versionSchema, expiresAt: expirySchema }).meta({
  id: 'StoredEntry',
  example: { version: '1769851800000000', expiresAt: '2026-01-31T09:31:00.000Z' },
});
/** The result of a write. `expiresAt` is null for an entry without a TTL. */
export type StoredEntry = z.infer<typeof storedEntrySchema>;

export const listEntriesQuerySchema = z.strictObject({
  prefix: z
    .union([cacheKeySchema, z.literal('')])
    .default('')
    .describe('What the keys begin with'),
  cursor: z.string().optional().describe('`cursor` of the previous page'),
  limit: pageLimitSchema,
});
export type ListEntriesQuery = z.infer<typeof listEntriesQuerySchema>;

export const entriesSchema = z
  .strictObject({
    entries: z
      .array(
        z.strictObject({
          key: z.string().describe('Key of the entry'),
          version: versionSchema,
          bytes: z.int().describe('Size of the value'),
          expiresAt: expirySchema,
        }),
      )
      .describe('In no order, without their values'),
    cursor: z.string().nullable().describe('Null at the end. Earlier pages may be short, or empty'),
  })
  .meta({
    id: 'Entries',
    example: {
      entries: [
        { key: 'user/42', version: '1769851800000000', bytes: 14, expiresAt: '2026-01-31T09:31:00.000Z' },
      ],
      cursor: null,
    },
  });
/** Entries in no order, without their values. Each that is there from the first page to the last is on one of them. */
export type Entries = z.infer<typeof entriesSchema>;

/** TTL of an entry, ms. */
export const ttlMsSchema = durationMs(1, MAX_TTL_MS).describe(TTL);
/** How long after its TTL an entry is served as stale, ms. */
export const staleMsSchema = durationMs(0, MAX_TTL_MS).describe(STALE);

/** TTL and tags of a value that is stored, in a JSON body. */
export const entryLifeFields = {
  ttlMs: ttlMsSchema.optional(),
  staleMs: staleMsSchema.optional(),
  tags: z.array(tagSchema).max(MAX_TAGS).optional().describe('They invalidate all entries that have one'),
};

/**
 * Encoding of a value in JSON: `json`, the value itself; `utf8`, its text; `base64`, its bytes. The default is `json` when
 * the content type is JSON and JavaScript reads the value exactly (unlike `12345678901234567890`), else `utf8` when the
 * bytes are valid UTF-8, else `base64`. A request for `json` gets JSON for any content type; a request for `utf8` or
 * `base64` gets every byte.
 */
export const encodingSchema = z
  .enum(['json', 'utf8', 'base64'])
  .describe('How the value stands in JSON: as itself, as its text, or as its bytes');
export type Encoding = z.infer<typeof encodingSchema>;

/** The `Content-Encoding` of bytes that the writer compressed. */
export const contentEncodingSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9!#$%&'*+.^_`|~-]+(?: *, *[A-Za-z0-9!#$%&'*+.^_`|~-]+)*$/,
    'expected encodings such as gzip',
  )
  .max(64)
  .meta({ example: 'gzip', description: 'How its writer compressed the bytes' });

export const valueFields = {
  value: jsonSchema.describe('In the `encoding`'),
  encoding: encodingSchema,
  contentType: z.string().describe('As its writer gave it'),
  contentEncoding: contentEncodingSchema.optional(),
  version: versionSchema,
  expiresAt: expirySchema,
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
    by: z.int().default(1).describe('May be negative'),
    ttlMs: ttlMsSchema.optional().describe('TTL of a counter that this call makes'),
  })
  .meta({ id: 'Increment', example: { by: 1, ttlMs: 60000 } });
/** `ttlMs`: TTL of a counter that this call creates. */
export type IncrementBody = z.infer<typeof incrementBodySchema>;

export const touchBodySchema = z
  .strictObject({ ttlMs: ttlMsSchema.describe('How long the entry lives from now, ms') })
  .meta({ id: 'Touch', example: { ttlMs: 60000 } });
/** `ttlMs`: the TTL that the entry has from now on. */
export type TouchBody = z.infer<typeof touchBodySchema>;

export const counterSchema = z
  .strictObject({ value: z.int().describe('After the change'), version: versionSchema })
  .meta({ id: 'Counter', example: { value: 42, version: '1769851800000000' } });
export type Counter = z.infer<typeof counterSchema>;

export const invalidateBodySchema = z
  .strictObject({
    tags: z.array(tagSchema).min(1).max(MAX_TAGS).optional().describe('Entries that have any of them'),
    prefix: cacheKeySchema.optional().describe('Or entries whose keys begin with it'),
  })
  .refine(({ tags, prefix }) => (tags === undefined) !== (prefix === undefined), {
    path: ['tags'],
    error: 'expected either tags or prefix',
  })
  .meta({ id: 'Invalidate', example: { tags: ['users'] } });
/** The entries that have any of the tags, or whose key starts with the prefix. */
export type InvalidateBody = z.infer<typeof invalidateBodySchema>;

export const invalidatedSchema = z
  .strictObject({
    invalidated: z
      .int()
      .describe(
        'How many tags or prefixes: entries are not counted, so that it takes no longer when there are many',
      ),
  })
  .meta({ id: 'Invalidated', example: { invalidated: 1 } });
/** Number of invalidated tags or prefixes. Entries are not counted, so that the cost does not depend on their number. */
export type Invalidated = z.infer<typeof invalidatedSchema>;
