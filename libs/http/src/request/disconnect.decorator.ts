import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ClientLink, type DisconnectSignal } from '@syncline/runtime';
import type { Request, Response } from 'express';
import { Call } from '../calls/call.js';

/** Handler parameter: a {@link DisconnectSignal} that aborts with `ClientDisconnected` when the client disconnects before the answer. */
export const Disconnect = createParamDecorator(
  (_data: unknown, context: ExecutionContext): DisconnectSignal => {
    const request: Request | Call = context.switchToHttp().getRequest();
    if (request instanceof Call) return request.disconnect;
    const response: Response = context.switchToHttp().getResponse();
    const link = new ClientLink();
    const onClose = () => {
      if (!response.writableFinished) link.disconnect();
    };
    // The client may have disconnected while its body was read, before this handler.
    if (response.closed) onClose();
    else response.once('close', onClose);
    return link;
  },
);
