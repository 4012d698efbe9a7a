import type { z } from 'zod';
import { issueMessage } from './issue-messages.js';
import { Problem } from './problem.js';

/** One error in a request: its field path (or `body`) and a message. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** Most errors that an answer lists. */
export const MAX_ERRORS = 20;
/** Longest path and longest message of an error: both may quote the request. */
const MAX_LENGTH = 300;

/** The request breaks the contract. `errors` lists up to {@link MAX_ERRORS} fields. */
export class ValidationFailed extends Problem {
  /** @param more number of further errors that are not in `errors` */
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

/** An issue as Zod and every other Standard Schema library report it. */
export interface Issue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
}

/** @param where path of the whole value, for issues without a path of their own */
export const validationFailed = (issues: readonly Issue[], where: string): ValidationFailed =>
  new ValidationFailed(
    issues.slice(0, MAX_ERRORS).map((issue) => describe(issue, where)),
    Math.max(0, issues.length - MAX_ERRORS),
  );

/**
 * Parses a value from outside by its schema.
 *
 * @param where path of the whole value, for issues without a path of their own
 * @throws ValidationFailed
 */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
): z.output<Schema> {
  // Nearly all values are valid, and zod takes two to five times as long when it is told how to word errors.
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw validationFailed(issuesOf(schema, value), where);
}

/** What is wrong with a value, in words for its caller. */
export const issuesOf = (schema: z.ZodType, value: unknown): readonly z.core.$ZodIssue[] =>
  schema.safeParse(value, { error: issueMessage }).error?.issues ?? [];

function describe({ path = [], message }: Issue, where: string): FieldError {
  const parts = path.map((part) =>
    String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part),
  );
  return { path: cut(parts.length > 0 ? parts.join('.') : where), message: cut(message) };
}

const cut = (text: string) => (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);
