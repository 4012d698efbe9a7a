import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Metrics } from '@syncline/runtime';
import type { Request, Response } from 'express';
import { Gauge } from 'prom-client';
import { callerOf } from '../access/caller.js';
import { Call } from '../calls/call.js';
import { clientOf } from './client.js';
import { ClientLimit } from './client-limit.js';

/** A parked request costs a node about 3 KB, and Redis a place in a line. */
const MOST_PARKED = 20_000;
const MOST_PARKED_OF_ONE = 10_000;

/** Bounds the requests that may wait in this node. Runs when the body was read, and judges it by `waitMs` alone. */
@Injectable()
export class ParkedGuard implements CanActivate {
  private readonly limit = new ClientLimit('requests that wait', MOST_PARKED, MOST_PARKED_OF_ONE);

  constructor({ registry }: Metrics) {
    const { limit } = this;
    new Gauge({
      name: 'waiting_requests',
      help: 'Number of requests that may wait in this node',
      registers: [registry],
      collect() {
        this.set(limit.size);
      },
    });
  }

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    const http = context.switchToHttp();
    const request: Request | Call = http.getRequest();
    if (Number(waitMsOf(request)) > 0) this.park(request, http.getResponse());
    return true;
  }

  /** Counts a request among those that wait, until it has ended. @throws Problem `rate-limited` */
  park(request: Request | Call, response: Response): void {
    const whenEnded = (giveBack: () => void) => {
      if (request instanceof Call) request.whenEnded(giveBack);
      else response.once('close', giveBack);
    };
    whenEnded(this.limit.take(clientOf(request)));
    const caller = callerOf(request);
    if (caller !== undefined) whenEnded(caller.usage.hold('waitingRequests'));
  }
}

function waitMsOf(request: Request | Call): unknown {
  const asked: unknown = request instanceof Call || request.method !== 'GET' ? request.body : request.query;
  return (asked as { readonly waitMs?: unknown } | null | undefined)?.waitMs;
}
