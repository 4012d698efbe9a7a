import { z } from 'zod';
import { NAME_FIELD, realmFields } from './realms.js';

/** Name of a lock, semaphore, queue or cache. Percent-encode it in a path. */
export const nameSchema = z
  .string()
  .regex(
    // URL normalisation removes "." and ".." from a path.
    /^(?!\.{1,2}$)[A-Za-z0-9._:/@{}-]{1,256}$/,
    'expected 1 to 256 characters out of A-Z a-z 0-9 . _ : / @ { } - (percent-encoded in a path), and not "." or ".."',
  )
  .register(realmFields, NAME_FIELD)
  .meta({
    example: 'invoice-42',
    description: 'Letters, digits and . _ : / @ { } -; percent-encoded in a path',
  });

/** A prefix of names. The empty prefix matches every name. */
export const namePrefixSchema = z
  .string()
  .regex(/^[A-Za-z0-9._:/@{}-]{0,256}$/, 'expected at most 256 characters out of A-Z a-z 0-9 . _ : / @ { } -')
  .register(realmFields, NAME_FIELD)
  .default('')
  .describe('What the names begin with');

/** A duration: whole milliseconds between `min` and `max`, both included. */
export const durationMs = (min: number, max: number) => z.int().min(min).max(max);

/** An instant on the wire: ISO 8601, UTC, with milliseconds. */
export const instantSchema = z.iso.datetime({ precision: 3 }).meta({ example: '2026-01-31T09:30:00.000Z' });

const MAX_INSTANTS = 64;
const instants = new Map<number, string>();

/** @param ms milliseconds since 1970, as Redis counts them */
export function toInstant(ms: number): string {
  // One script has one time, so many instants of a batch are the same.
  let instant = instants.get(ms);
  if (instant === undefined) {
    if (instants.size === MAX_INSTANTS) instants.clear();
    instant = new Date(ms).toISOString();
    instants.set(ms, instant);
  }
  return instant;
}

/** Start of a page of a listing by name. Without an example: Swagger UI would fill it in and hide the first page. */
export const nameCursorSchema = z
  .string()
  .refine((cursor) => nameSchema.safeParse(cursor).success, 'expected the cursor of a page')
  .register(realmFields, NAME_FIELD)
  .optional()
  .describe('`cursor` of the previous page');

/** Where the next page of a listing by name begins. */
export const nextNameSchema = z
  .string()
  .register(realmFields, NAME_FIELD)
  .nullable()
  .describe('Where the next page begins; null at the end');

const mostItems = (size: z.ZodNumber | z.ZodCoercedNumber) =>
  size.int().min(1).max(1000).default(100).describe('Most items of the page');
/** Size of a page of a listing, in a query, where all is text. */
export const pageLimitSchema = mostItems(z.coerce.number());
/** Size of a page of a listing, in a body. */
export const bodyPageLimitSchema = mostItems(z.number());

/** Deepest nesting of a JSON value: a deeper value may be parsed, but not written again. */
export const MAX_NESTING = 256;

/**
 * Why a value cannot be written as JSON unchanged; undefined when it can. For example, `1e400` can be read but not written.
 */
export function jsonFault(value: unknown, levels = MAX_NESTING): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return 'expected numbers in the range of double precision; send larger ones as strings';
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (levels === 0) return `expected at most ${MAX_NESTING} levels of nesting`;
  for (const part of Object.values(value)) {
    const fault = jsonFault(part, levels - 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Any JSON value, kept unchanged, with any keys. */
export const jsonSchema = z
  .unknown()
  .refine((value) => value !== undefined, 'required, any JSON value')
  .superRefine((value, context) => {
    const message = jsonFault(value);
    // Stop here: checks of the surrounding schema may write the value as JSON.
    if (message !== undefined) context.addIssue({ code: 'custom', message, continue: false });
  });

const LONE_SURROGATE = /\p{Cs}/u;
/** Whether UTF-8 can encode a string. A lone surrogate would be stored as the replacement character. */
export const isWellFormed = (text: string): boolean => !LONE_SURROGATE.test(text);
export const ILL_FORMED = 'expected well-formed Unicode, without lone surrogates';
