import { HttpException, type Logger } from '@nestjs/common';
import { Problem, ValidationFailed } from '@syncline/contracts';
import type { Caller } from '../access/caller.js';
import { MethodNotAllowed } from './route-problems.js';

/** An error of the Express body parsers. */
interface ParserError extends Error {
  /** Undefined: the body could not be unpacked. */
  readonly type?: string;
  readonly status: number;
  readonly expose: boolean;
  readonly limit?: number;
}

const isParserError = (error: unknown): error is ParserError =>
  error instanceof Error && 'expose' in error && 'status' in error && Number(error.status) < 500;

const tooLarge = (limit?: number): Problem =>
  new Problem(
    'payload-too-large',
    limit === undefined ? 'The body is too large.' : `The body is larger than ${limit} bytes.`,
  );

/**
 * The problem for an error that reaches the edge. Domain errors are problems already; errors of Express and Nest are
 * converted; null means an unexpected error.
 */
function toProblem(error: unknown): Problem | null {
  if (error instanceof Problem) return error;
  if (isParserError(error)) {
    if (error.status === 413) return tooLarge(error.limit);
    const message =
      error.type === undefined
        ? `expected it to be packed as its Content-Encoding says: ${error.message}`
        : error.message;
    return new ValidationFailed([{ path: 'body', message }]);
  }
  if (error instanceof HttpException) {
    // Nest wraps errors that a body parser throws before routing.
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
  readonly traceId?: string | undefined;
}

/** The only place that turns errors into problems. An unexpected error is logged with its stack and becomes a 500. */
export function problemOf(
  error: unknown,
  logger: Logger,
  { caller, ...facts }: RequestFacts & { readonly caller: Caller | undefined },
): Problem {
  const problem = toProblem(error);
  if (problem !== null) return caller?.told(problem) ?? problem;
  logger.error({ err: error, ...facts });
  return new Problem('internal-error', 'The node failed. Its log has the details under this request id.');
}

/** Seconds to wait before retrying after a 503 or 429. */
const RETRY_AFTER_S = 1;

/** The headers of a problem. */
export function headersOf(problem: Problem): Record<string, string> {
  const retryAfter = retryAfterOf(problem);
  return {
    ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
    ...(problem.code === 'unauthenticated' && { 'WWW-Authenticate': 'Bearer' }),
    ...(problem instanceof MethodNotAllowed && { Allow: problem.allow.join(', ') }),
  };
}

/** Seconds to wait before retrying; undefined when a retry is useless. */
export const retryAfterOf = ({ status }: Problem): number | undefined =>
  status === 503 || status === 429 ? RETRY_AFTER_S : undefined;
