import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Call } from './calls/call.js';
import { Caller, type HangUpSignal } from './hang-up-signal.js';

/** Handler parameter: a {@link HangUpSignal} that is aborted with `HungUp` when the caller goes away unanswered. */
export const HangUp = createParamDecorator((_data: unknown, context: ExecutionContext): HangUpSignal => {
  const request: Request | Call = context.switchToHttp().getRequest();
  if (request instanceof Call) return request.hangUp;
  const response: Response = context.switchToHttp().getResponse();
  const caller = new Caller();
  const hangUp = () => {
    if (!response.writableFinished) caller.hangUp();
  };
  // The caller may be gone already: its body is read before the handler is called.
  if (response.closed) hangUp();
  else response.once('close', hangUp);
  return caller;
});
