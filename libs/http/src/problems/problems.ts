import { HttpException, type Logger } from '@nestjs/common';
import { Problem, ValidationFailed } from '@syncline/contracts';
import { MethodNotAllowed } from './unrouted.js';

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
function toProblem(error: unknown): Problem | null {
  if (error instanceof Problem) return error;
  if (isParserError(error)) {
    if (error.status === 413) return tooLarge(error.limit);
    return new ValidationFailed([{ path: 'body', message: error.message }]);
  }
  if (error instanceof HttpException) {
    // Nest wraps what a body parser throws before a route is found.
    if (error.getStatus() === 413) return tooLarge();
    if (error.getStatus() < 500) return new ValidationFailed([{ path: 'request', message: error.message }]);
  }
  return null;
}

/** Which request failed, for the log. */
export interface RequestFacts {
  readonly method: string;
  readonly path: string;
  readonly requestId: string;
}

/** The one place where errors become problems. What nobody foresaw is logged with its stack and answers 500. */
export function problemOf(error: unknown, logger: Logger, facts: RequestFacts): Problem {
  const problem = toProblem(error);
  if (problem !== null) return problem;
  logger.error({ err: error, ...facts });
  return new Problem('internal-error', 'The node failed. Its log has the details under this request id.');
}

/** Seconds after which a 503 or a 429 is worth another try. */
const RETRY_AFTER_S = 1;

/** What headers say beside the body of a problem. */
export function headersOf(problem: Problem): Record<string, string> {
  const retryAfter = retryAfterOf(problem);
  return {
    ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
    ...(problem.code === 'unauthenticated' && { 'WWW-Authenticate': 'Bearer' }),
    ...(problem instanceof MethodNotAllowed && { Allow: problem.allow.join(', ') }),
  };
}

/** When to try again after a problem, in seconds; undefined when that would change nothing. */
export const retryAfterOf = ({ status }: Problem): number | undefined =>
  status === 503 || status === 429 ? RETRY_AFTER_S : undefined;
