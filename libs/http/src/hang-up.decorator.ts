import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Call } from './calls/call.js';
import { HungUp } from './hung-up.js';

/** Handler parameter: an `AbortSignal` that is aborted with {@link HungUp} when the caller goes away unanswered. */
export const HangUp = createParamDecorator((_data: unknown, context: ExecutionContext): AbortSignal => {
  const request: Request | Call = context.switchToHttp().getRequest();
  if (request instanceof Call) return request.hangUp;
  const response: Response = context.switchToHttp().getResponse();
  const controller = new AbortController();
  const hangUp = () => {
    if (!response.writableFinished) controller.abort(new HungUp());
  };
  // The caller may be gone already: its body is read before the handler is called.
  if (response.closed) hangUp();
  else response.once('close', hangUp);
  return controller.signal;
});
