import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  Inject,
  Logger,
  NotFoundException,
} from '@nestjs/common';
import type { Problem } from '@syncline/contracts';
import { ClientDisconnected } from '@syncline/runtime';
import type { Request, Response } from 'express';
import { EMPTY, type Observable } from 'rxjs';
import { NODE_CONFIG, type NodeConfig } from '../node/node.config.js';
import { hasBody } from '../request/body.guard.js';
import { headersOf, problemOf } from './problems.js';
import { unrouted } from './unrouted.js';

/** How long a caller that was answered may take to send the rest of its request. */
const LINGER_MS = 5_000;

/** Answers with `application/problem+json` (RFC 9457). */
export function sendProblem(problem: Problem, request: Request, response: Response): void {
  const path = request.originalUrl.split('?', 1)[0] ?? '';
  if (hasBody(request) && !request.complete) letGo(request, response);
  response
    .status(problem.status)
    .set(headersOf(problem))
    .type('application/problem+json')
    .send(JSON.stringify(problem.toBody(path)));
}

/**
 * What is still on its way is read and let go, for a while: a connection that is closed in the middle of it would lose
 * the answer.
 */
function letGo(request: Request, response: Response): void {
  response.shouldKeepAlive = true;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  request.once('close', () => clearTimeout(timer));
}

/** Turns what handlers throw into answers. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Requests');

  constructor(@Inject(NODE_CONFIG) private readonly config: NodeConfig) {}

  catch(error: unknown, host: ArgumentsHost): Observable<never> | undefined {
    if (host.getType() !== 'http') {
      this.logger.error(error, 'A message from another node could not be handled');
      return EMPTY;
    }
    const request: Request = host.switchToHttp().getRequest();
    const response: Response = host.switchToHttp().getResponse();
    // The caller went away while its request was parked: there is nobody to answer, and nothing went wrong.
    if (error instanceof ClientDisconnected) return undefined;
    // Thrown by Nest alone, for what no handler takes: handlers throw problems.
    const why = error instanceof NotFoundException ? unrouted(request, this.config.role) : error;
    const problem = problemOf(why, this.logger, {
      method: request.method,
      path: request.originalUrl,
      requestId: String(response.getHeader('X-Request-Id')),
    });
    // A stream that already began, or a caller that hung up: there is nobody to tell.
    if (response.headersSent) response.destroy();
    else sendProblem(problem, request, response);
    return undefined;
  }
}
