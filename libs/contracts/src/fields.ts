import { z } from 'zod';

/** Name of a lock, semaphore, queue or cache. Percent-encode it in a path. */
export const nameSchema = z
  .string()
  .regex(
    // What normalizes URLs takes "." and ".." out of a path.
    /^(?!\.{1,2}$)[A-Za-z0-9._:/@{}-]{1,256}$/,
    'expected 1 to 256 characters out of A-Z a-z 0-9 . _ : / @ { } - (percent-encoded in a path), and not "." or ".."',
  )
  .meta({ example: 'invoice-42' });

/** What names begin with: every name begins with the empty prefix. */
export const namePrefixSchema = z
  .string()
  .regex(/^[A-Za-z0-9._:/@{}-]{0,256}$/, 'expected at most 256 characters out of A-Z a-z 0-9 . _ : / @ { } -')
  .default('');

/** A duration: whole milliseconds between `min` and `max`, both included. */
export const durationMs = (min: number, max: number) => z.int().min(min).max(max);

/** An instant on the wire: ISO 8601, UTC, with milliseconds. */
export const instantSchema = z.iso.datetime({ precision: 3 }).meta({ example: '2026-01-31T09:30:00.000Z' });

const MOST_INSTANTS = 64;
const instants = new Map<number, string>();

/** @param ms milliseconds since 1970, as Redis counts them */
export function toInstant(ms: number): string {
  // What one script did it did in one millisecond: many instants of a batch are the same.
  let instant = instants.get(ms);
  if (instant === undefined) {
    if (instants.size === MOST_INSTANTS) instants.clear();
    instant = new Date(ms).toISOString();
    instants.set(ms, instant);
  }
  return instant;
}

/** Where a page of a listing by name begins. Without an example: a form that is filled in with one hides what comes before. */
export const nameCursorSchema = z
  .string()
  .refine((cursor) => nameSchema.safeParse(cursor).success, 'expected the cursor of a page')
  .optional()
  .describe('From the page before');

/** Size of a page of a listing. */
export const pageLimitSchema = z.coerce.number().int().min(1).max(1000).default(100);

/** Deepest nesting of a JSON value: what can be parsed may be too deep to be written out again. */
export const MAX_NESTING = 256;

/**
 * What keeps a value from being written out as JSON as it came; undefined when nothing does. `1e400` is a number that can
 * be read and not be written.
 */
export function jsonFault(value: unknown, levels = MAX_NESTING): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return 'expected numbers of double precision: one is too large, send it as a string';
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (levels === 0) return `expected at most ${MAX_NESTING} levels of nesting`;
  for (const part of Object.values(value)) {
    const fault = jsonFault(part, levels - 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Any JSON value, kept as it came, whatever its keys are called. */
export const jsonSchema = z
  .unknown()
  .refine((value) => value !== undefined, 'required; it may be any JSON value')
  .superRefine((value, context) => {
    const message = jsonFault(value);
    // Checks of what is around it would write it out.
    if (message !== undefined) context.addIssue({ code: 'custom', message, continue: false });
  });

const LONE_SURROGATE = /\p{Cs}/u;
/** Text that has one form in bytes: half a character would be stored as the same sign as any other half. */
export const isWellFormed = (text: string): boolean => !LONE_SURROGATE.test(text);
export const ILL_FORMED = 'expected whole characters: a surrogate stands alone';
