import type { z } from 'zod';
import { Problem } from './problem.js';
import { inOurWords } from './words.js';

/** One thing that is wrong with a request: where (a field path, or `body`) and what. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** Most things that are named of one request: the first ones are enough to mend it. */
export const MOST_ERRORS = 20;
/** Longest path and longest message of one of them: both may quote what was sent. */
const LONGEST = 300;

/** The request breaks the contract. `errors` names each field, {@link MOST_ERRORS} at most. */
export class ValidationFailed extends Problem {
  /** @param more how many were found beside those of `errors` */
  constructor(
    readonly errors: readonly FieldError[],
    readonly more = 0,
  ) {
    const rest = more > 0 ? [`and ${more} more`] : [];
    super(
      'validation-failed',
      [...errors.map(({ path, message }) => `${path}: ${message}`), ...rest].join('; '),
      more > 0 ? { errors, more } : { errors },
    );
  }
}

/** What a schema finds wrong, as Zod and every other Standard Schema tell it. */
export interface Issue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
}

/** @param where names the value itself, for what is wrong with all of it */
export const validationFailed = (issues: readonly Issue[], where: string): ValidationFailed =>
  new ValidationFailed(
    issues.slice(0, MOST_ERRORS).map((issue) => describe(issue, where)),
    Math.max(0, issues.length - MOST_ERRORS),
  );

/**
 * What a schema makes of a value that came from outside. What is wrong with it is told in our own words.
 *
 * @param where names the value itself, for what is wrong with all of it
 * @throws ValidationFailed
 */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
): z.output<Schema> {
  const result = schema.safeParse(value, { error: inOurWords });
  if (!result.success) throw validationFailed(result.error.issues, where);
  return result.data;
}

function describe({ path = [], message }: Issue, where: string): FieldError {
  const parts = path.map((part) =>
    String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part),
  );
  return { path: cut(parts.length > 0 ? parts.join('.') : where), message: cut(message) };
}

const cut = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
