import { randomUUID } from 'node:crypto';
import { ValidationFailed } from '@syncline/contracts';
import { type Drain, ShuttingDown } from '@syncline/runtime';
import type { NextFunction, Request, Response } from 'express';
import type { CrossSiteProtection } from '../access/cross-site-protection.js';
import type { Console } from '../console/console.js';
import type { HttpMetrics } from '../metrics/http-metrics.js';
import type { ServerStop } from '../node/server-stop.js';
import { sendProblem } from '../problems/problem.filter.js';
import type { RequestTraces } from '../traces/request-traces.js';
import type { Trail } from '../trail/trail.js';

declare global {
  namespace Express {
    interface Response {
      /** Sent as `X-Request-Id`. */
      requestId: string;
    }
  }
}

/** A request id from a client: visible ASCII of bounded length, safe in a header and a log. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** For this long a client may read nothing of an answer before its connection ends. */
const UNREAD_MS = 30_000;

/**
 * Runs for every request before routing: gives it an id, counts and measures it, and refuses it while the node stops. The health routes still answer then, so that load balancers learn about the stop.
 */
export function edge(
  drain: Drain,
  server: ServerStop,
  metrics: HttpMetrics,
  traces: RequestTraces,
  trail: Trail,
  crossSite: CrossSiteProtection,
  console: Console,
) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const sent = request.headers['x-request-id'];
    const requestId = typeof sent === 'string' && REQUEST_ID.test(sent) ? sent : randomUUID();
    response.requestId = requestId;

    const startedAt = performance.now();
    server.requestStarted();
    response.on('close', () => {
      server.requestEnded();
      const { method, headers } = request;
      const route: string = request.route?.path ?? 'none';
      const { statusCode: status, writableFinished: answered } = response;
      const elapsedMs = performance.now() - startedAt;
      const { traceparent } = headers;
      const begun = response.headersSent ? status : undefined;
      const traceId = traces.record({ method, route, status: begun, elapsedMs, traceparent });
      metrics.observe(method, route, status, elapsedMs, traceId);
      trail.note(request, { requestId, route, status, answered });
    });

    response.on('prefinish', boundReading);

    if (drain.draining) {
      response.setHeader('Connection', 'close');
      if (!request.url.startsWith('/health/')) {
        sendProblem(new ShuttingDown(), request, response);
        return;
      }
    }
    try {
      checkHead(request);
      crossSite.check(request);
    } catch (error) {
      next(error);
      return;
    }
    if (request.url.startsWith('/console')) console.handle(request, response, next);
    else next();
  };
}

function boundReading(this: Response): void {
  const { socket } = this.req;
  // The rest of the answer waits for the client to read it.
  if (socket.writableLength > 0) socket.setTimeout(UNREAD_MS);
}

function checkHead({ httpVersion, headers }: Request): void {
  if (httpVersion === '1.1' && headers.host === undefined) {
    throw new ValidationFailed([{ path: 'Host', message: 'required, name and port of the node' }]);
  }
}
