import { HttpException } from '@nestjs/common';
import { Problem } from '@syncline/contracts';

/** One thing that is wrong with a request: where (a field path, or `body`) and what. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** The request breaks the contract. `errors` names each field. */
export class ValidationFailed extends Problem {
  constructor(errors: readonly FieldError[]) {
    super('validation-failed', errors.map(({ path, message }) => `${path}: ${message}`).join('; '), {
      errors,
    });
  }
}

/** How the body parsers of Express describe what went wrong. */
interface ParserError extends Error {
  readonly type: string;
  readonly status: number;
  readonly limit?: number;
}

const isParserError = (error: unknown): error is ParserError =>
  error instanceof Error && 'type' in error && 'status' in error && Number(error.status) < 500;

const tooLarge = (limit?: number): Problem =>
  new Problem(
    'payload-too-large',
    limit === undefined ? 'The body is too large.' : `The body is larger than ${limit} bytes.`,
  );

/**
 * Gives any error that reaches the edge its problem: domain errors are one already, errors of Express and Nest
 * are translated, and null stands for what nobody foresaw.
 */
export function toProblem(error: unknown): Problem | null {
  if (error instanceof Problem) return error;
  if (isParserError(error)) {
    if (error.status === 413) return tooLarge(error.limit);
    return new ValidationFailed([{ path: 'body', message: error.message }]);
  }
  if (error instanceof HttpException) {
    if (error.getStatus() === 404) {
      return new Problem('not-found', `There is no such route. ${error.message}. See /api/doc.`);
    }
    // Nest wraps what a body parser throws before a route is found.
    if (error.getStatus() === 413) return tooLarge();
    if (error.getStatus() < 500) return new ValidationFailed([{ path: 'request', message: error.message }]);
  }
  return null;
}
