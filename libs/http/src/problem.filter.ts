import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import { Problem } from '@syncline/contracts';
import type { Request, Response } from 'express';
import { EMPTY, type Observable } from 'rxjs';
import { HungUp } from './hang-up.decorator.js';
import { toProblem } from './problems.js';

/** Seconds after which a 503 or a 429 is worth another try, where the problem does not say. */
const RETRY_AFTER_S = '1';

/** Answers with `application/problem+json` (RFC 9457). */
export function sendProblem(problem: Problem, request: Request, response: Response): void {
  if (problem.status === 503 || problem.status === 429) response.setHeader('Retry-After', RETRY_AFTER_S);
  const path = request.originalUrl.split('?', 1)[0] ?? '';
  response
    .status(problem.status)
    .type('application/problem+json')
    .send(JSON.stringify(problem.toBody(path)));
}

/** The one place where errors become answers. What nobody foresaw is logged with its stack and answers 500. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Requests');

  catch(error: unknown, host: ArgumentsHost): Observable<never> | undefined {
    if (host.getType() !== 'http') {
      this.logger.error(error, 'A message from another node could not be handled');
      return EMPTY;
    }
    const request: Request = host.switchToHttp().getRequest();
    const response: Response = host.switchToHttp().getResponse();
    // The caller went away while its request was parked: there is nobody to answer, and nothing went wrong.
    if (error instanceof HungUp) return undefined;
    let problem = toProblem(error);
    if (problem === null) {
      this.logger.error({
        err: error,
        method: request.method,
        path: request.originalUrl,
        requestId: response.getHeader('X-Request-Id'),
      });
      problem = new Problem(
        'internal-error',
        'The node failed. Its log has the details under this request id.',
      );
    }
    // A stream that already began, or a caller that hung up: there is nobody to tell.
    if (response.headersSent) response.destroy();
    else sendProblem(problem, request, response);
    return undefined;
  }
}
