import { z } from 'zod';
import { batchItem, refusedItemSchema } from './batch.js';
import {
  cacheKeySchema,
  contentEncodingSchema,
  EXAMPLE_VALUE,
  encodingSchema,
  entryLifeFields,
  expirySchema,
  valueFields,
  versionSchema,
} from './cache.js';
import { ILL_FORMED, isWellFormed, jsonSchema } from './fields.js';

const MAX_ITEMS = 1000;
const keysSchema = z
  .array(batchItem(cacheKeySchema))
  .min(1)
  .max(MAX_ITEMS)
  .describe('Each is judged by itself: one that is refused does not hold up the others');

export const keysBodySchema = z
  .strictObject({ keys: keysSchema })
  .meta({ id: 'Keys', example: { keys: ['user/42', 'user/43'] } });
/** Each key is validated by itself. */
export type KeysBody = z.infer<typeof keysBodySchema>;

export const readBodySchema = z
  .strictObject({
    keys: keysSchema,
    as: encodingSchema
      .optional()
      .describe('Encoding of the values of the answer; default: what fits each content type'),
  })
  .meta({ id: 'ReadKeys', example: { keys: ['user/42', 'user/43'] } });
/** `as`: encoding of the values in the answer; see {@link Encoding}. */
export type ReadBody = z.infer<typeof readBodySchema>;

/** The result of a refused key or entry. `key` is the value that was sent as the key. */
const refusedSchema = refusedItemSchema.extend({ key: z.unknown().describe('As it was sent') });

export const readEntriesSchema = z
  .strictObject({
    entries: z
      .array(
        z.union([
          z.strictObject({
            key: cacheKeySchema,
            found: z.boolean().describe('Whether there is such an entry'),
            ...z.object(valueFields).partial().shape,
          }),
          refusedSchema,
        ]),
      )
      .describe('In the order of the keys'),
    truncated: z
      .array(cacheKeySchema)
      .optional()
      .describe('Keys that did not fit into this answer: ask for them again'),
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
/** In the order of the keys. `truncated`: keys that did not fit into this answer; request them again. */
export type ReadEntries = z.infer<typeof readEntriesSchema>;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
export const contentTypeSchema = z
  .string()
  .regex(/^[\x20-\x7e]{1,256}$/, 'expected 1 to 256 printable ASCII characters')
  .describe('Of the value; default: as its encoding says');

const newEntrySchema = z
  .strictObject({
    key: cacheKeySchema,
    value: jsonSchema.describe('In the `encoding`'),
    encoding: encodingSchema
      .optional()
      .describe('How `value` stands here; default: `utf8` for a string, else `json`'),
    contentType: contentTypeSchema.optional(),
    contentEncoding: contentEncodingSchema.optional(),
    ...entryLifeFields,
  })
  .refine(({ value, encoding }) => (encoding ?? 'json') === 'json' || typeof value === 'string', {
    path: ['value'],
    error: 'expected a string in this encoding',
  })
  .refine(({ value, encoding }) => encoding === 'json' || typeof value !== 'string' || isWellFormed(value), {
    path: ['value'],
    error: `${ILL_FORMED}, which \`json\` alone can escape`,
  })
  .refine(({ value, encoding }) => encoding !== 'base64' || BASE64.test(String(value)), {
    path: ['value'],
    error: 'expected base64',
  });
export type NewEntry = z.infer<typeof newEntrySchema>;

export const newEntriesSchema = z
  .strictObject({
    entries: z
      .array(batchItem(newEntrySchema))
      .min(1)
      .max(MAX_ITEMS)
      .describe('Each is judged by itself: one that is refused does not hold up the others'),
  })
  .meta({
    id: 'NewEntries',
    example: { entries: [{ key: 'user/42', value: { name: 'Ada' }, ttlMs: 60000, tags: ['users'] }] },
  });
/**
 * Each entry is validated by itself. `encoding` of the value: default `utf8` for a string, else `json`; it determines the
 * default content type. A `json` value is stored as JavaScript writes it; use `utf8` to keep the exact bytes.
 */
export type NewEntries = z.infer<typeof newEntriesSchema>;

export const writtenEntriesSchema = z
  .strictObject({
    results: z
      .array(
        z.union([
          z.strictObject({
            key: cacheKeySchema,
            status: z.enum(['created', 'replaced']).describe('Whether there was an entry before'),
            version: versionSchema,
            expiresAt: expirySchema,
          }),
          refusedSchema,
        ]),
      )
      .describe('In the order of the entries'),
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
/** In the order of the entries. A refused entry has its HTTP status, such as 400 or 413, and its problem. */
export type WrittenEntries = z.infer<typeof writtenEntriesSchema>;

export const deletedEntriesSchema = z
  .strictObject({
    results: z
      .array(
        z.union([
          z.strictObject({
            key: cacheKeySchema,
            status: z.enum(['deleted', 'absent']).describe('Whether there was an entry'),
          }),
          refusedSchema,
        ]),
      )
      .describe('In the order of the keys'),
  })
  .meta({ id: 'DeletedEntries', example: { results: [{ key: 'user/42', status: 'deleted' }] } });
/** In the order of the keys. */
export type DeletedEntries = z.infer<typeof deletedEntriesSchema>;
