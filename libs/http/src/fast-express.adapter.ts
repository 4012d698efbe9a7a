import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express } from 'express';

/** Longer than the idle time of usual clients and balancers, so that they close first, never mid-request. */
const KEEP_ALIVE_MS = 65_000;

/**
 * Express gives every request and response its own prototypes by `Object.setPrototypeOf`, which costs more
 * than all the rest of a request. Made with these prototypes from the start, they pass that step unchanged.
 * The idea is public in expressjs/express#5998.
 */
export class FastExpressAdapter extends ExpressAdapter {
  override initHttpServer(): void {
    const app = this.getInstance<Express>();

    function ExpressRequest(socket: Socket): IncomingMessage {
      return Reflect.construct(IncomingMessage, [socket], ExpressRequest);
    }
    ExpressRequest.prototype = app.request;
    function ExpressResponse(request: IncomingMessage, options: object): ServerResponse {
      return Reflect.construct(ServerResponse, [request, options], ExpressResponse);
    }
    ExpressResponse.prototype = app.response;

    this.httpServer = createServer(
      {
        IncomingMessage: ExpressRequest as unknown as typeof IncomingMessage,
        ServerResponse: ExpressResponse as unknown as typeof ServerResponse,
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      app,
    );
  }
}
