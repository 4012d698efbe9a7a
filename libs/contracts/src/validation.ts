import { Problem } from './problem.js';

/** One thing that is wrong with a request: where (a field path, or `body`) and what. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** The request breaks the contract. `errors` names each field. */
export class ValidationFailed extends Problem {
  constructor(readonly errors: readonly FieldError[]) {
    super('validation-failed', errors.map(({ path, message }) => `${path}: ${message}`).join('; '), {
      errors,
    });
  }
}

/** What a schema finds wrong, as Zod and every other Standard Schema tell it. */
export interface Issue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
}

/** @param where names the value itself, for what is wrong with all of it */
export const validationFailed = (issues: readonly Issue[], where: string): ValidationFailed =>
  new ValidationFailed(issues.map((issue) => describe(issue, where)));

function describe({ path = [], message }: Issue, where: string): FieldError {
  const parts = path.map((part) =>
    String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part),
  );
  return { path: parts.length > 0 ? parts.join('.') : where, message };
}
