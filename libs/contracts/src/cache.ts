import { z } from 'zod';
import { durationMs, instantSchema } from './fields.js';

/** Longest life of an entry: one year. */
export const MAX_TTL_MS = 31_536_000_000;
/** Largest key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1_024;
/** Largest value, in bytes. */
export const MAX_ENTRY_BYTES = 1_048_576;
export const MAX_TAGS = 32;

/** No half of a surrogate pair: UTF-8 cannot carry one. */
const WELL_FORMED = /^\P{Cs}*$/u;

/** Key of a cache entry: any text that UTF-8 can carry. Percent-encode it in a path. */
export const cacheKeySchema = z
  .string()
  .min(1)
  .regex(WELL_FORMED, 'expected well-formed Unicode')
  .refine((key) => new TextEncoder().encode(key).length <= MAX_KEY_BYTES, {
    error: `expected at most ${MAX_KEY_BYTES} bytes of UTF-8`,
  })
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

export const ttlMsSchema = durationMs(1, MAX_TTL_MS);
