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
import { callerOf } from '../access/caller.js';
import { NODE_CONFIG, type NodeConfig } from '../node/node.config.js';
import { hasBody } from '../request/body.guard.js';
import { readTraceParent } from '../request/trace-parent.js';
import { problemTo } from '../tenants/realm.js';
import { headersOf, problemOf } from './problems.js';
import { Refusals } from './refusals.js';
import { unroutedProblem } from './route-problems.js';

/** After an early answer: how long the client may take to send the rest of its request. */
const LINGER_MS = 5_000;

/** Answers with `application/problem+json` (RFC 9457). */
export function sendProblem(problem: Problem, request: Request, response: Response): void {
  const path = request.originalUrl.split('?', 1)[0] ?? '';
  if (hasBody(request) && !request.complete) discardRest(request, response);
  response
    .status(problem.status)
    .set(headersOf(problem))
    .type('application/problem+json')
    .send(JSON.stringify(problemTo(request, problem.toBody(path))));
}

/**
 * Keeps reading and discarding the rest of a request for a while: if the connection were closed in the middle, the client
 * might not see the answer.
 */
function discardRest(request: Request, response: Response): void {
  response.shouldKeepAlive = true;
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  request.once('close', () => clearTimeout(timer));
}

/** Turns the errors of handlers into answers. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Requests');

  constructor(
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
    private readonly refusals: Refusals,
  ) {}

  catch(error: unknown, host: ArgumentsHost): Observable<never> | undefined {
    if (host.getType() !== 'http') {
      this.logger.error(error, 'A message from another node could not be handled');
      return EMPTY;
    }
    const request: Request = host.switchToHttp().getRequest();
    const response: Response = host.switchToHttp().getResponse();
    // The client disconnected while its request was parked: there is nobody to answer, and this is not a failure.
    if (error instanceof ClientDisconnected) return undefined;
    // Only Nest throws NotFoundException, when no handler matches; handlers throw problems.
    const why = error instanceof NotFoundException ? unroutedProblem(request, this.config.role) : error;
    const { method, originalUrl: path } = request;
    const { requestId } = response;
    const traceId = readTraceParent(request.headers.traceparent)?.traceId;
    const problem = problemOf(why, this.logger, {
      method,
      path,
      requestId,
      traceId,
      caller: callerOf(request),
    });
    this.refusals.note(problem, { method, route: request.route?.path, requestId, traceId });
    // A stream that has already started: the status cannot be changed any more.
    if (response.headersSent) response.destroy();
    else sendProblem(problem, request, response);
    return undefined;
  }
}
