import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import { StreamableFile } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import express, { type Express, type Request, type Response } from 'express';
import { securityLines } from '../request/security-headers.js';
import { answerTo } from '../tenants/realm.js';

/** Longer than the usual idle timeout of clients and load balancers, so that they close first, never mid-request. */
const KEEP_ALIVE_MS = 65_000;
/** How long a client may take for a TLS handshake, for the head of a request, and for all of it: not for its answer. */
const HANDSHAKE_MS = 10_000;
const HEAD_MS = 10_000;
const REQUEST_MS = 60_000;
const LOOK_FOR_SLOW_MS = 2_000;
const JSON_TYPE = 'application/json; charset=utf-8';

declare module 'node:http' {
  interface OutgoingMessage {
    /** Not documented: a test notices a Node without it. */
    _storeHeader(statusLine: string, headers: unknown): void;
  }
}

/**
 * Nest's Express adapter without three slow steps.
 *
 * Express sets the prototype of every request and response by `Object.setPrototypeOf`, which costs more than the rest of
 * a request. Objects that are created with these prototypes pass that step unchanged. The idea comes from
 * expressjs/express#5998.
 *
 * Node checks, stores and prints each header that is set. Those of every answer go out as text that was made before.
 */
export class FastExpressAdapter extends ExpressAdapter {
  /** @param tls certificate and key of an HTTPS server; undefined: plain HTTP */
  constructor(
    private readonly nodeId: string,
    private readonly tls?: TlsOptions,
  ) {
    // Each route has exactly one spelling. Must be set before routes are added.
    super(express().enable('case sensitive routing').enable('strict routing'));
  }

  /** Sends JSON directly: nodes do not need what `response.json()` adds, such as charset negotiation and ETags. */
  override reply(response: Response, body: unknown, statusCode?: number) {
    if (typeof body !== 'object' || body === null || body instanceof StreamableFile) {
      return super.reply(response, body, statusCode);
    }
    if (statusCode !== undefined) response.statusCode = statusCode;
    if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', JSON_TYPE);
    const text = JSON.stringify(answerTo(response.req, body));
    response.setHeader('Content-Length', Buffer.byteLength(text));
    return response.end(text);
  }

  override initHttpServer(): void {
    const app = this.getInstance<Express>();

    // Real classes, not Reflect.construct: otherwise V8 does not give all instances one hidden class.
    class ExpressRequest extends IncomingMessage {
      private offersUpgrade = false;

      /**
       * Whether the request leaves HTTP: set by the parser, read by the server. Once there is an `upgrade` listener, Node 20
       * upgrades every request that offers another protocol and never answers those that nobody takes, such as the HTTP/2
       * offers of Java's client. So only WebSocket requests count as upgrades here.
       */
      get upgrade(): boolean {
        return this.offersUpgrade && this.headers.upgrade?.toLowerCase() === 'websocket';
      }
      set upgrade(offered: boolean) {
        this.offersUpgrade = offered;
      }
    }
    const idLines = `X-Node-Id: ${this.nodeId}\r\nX-Request-Id: `;
    class ExpressResponse extends ServerResponse {
      requestId = '';

      /** Node's own step: it prints the headers that were set behind the line of the status. */
      override _storeHeader(statusLine: string, headers: unknown): void {
        const lines = `${statusLine}${idLines}${this.requestId}\r\n${securityLines(this)}`;
        super._storeHeader(lines, headers);
      }
    }
    Object.setPrototypeOf(ExpressRequest.prototype, app.request);
    Object.setPrototypeOf(ExpressResponse.prototype, app.response);
    app.request = ExpressRequest.prototype as unknown as Request;
    app.response = ExpressResponse.prototype as Response;

    const options = {
      IncomingMessage: ExpressRequest,
      ServerResponse: ExpressResponse as typeof ServerResponse,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEAD_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: LOOK_FOR_SLOW_MS,
      // The edge middleware answers requests without a Host header with a problem.
      requireHostHeader: false,
    };
    this.httpServer =
      this.tls === undefined
        ? createServer(options, app)
        : createTlsServer({ ...options, ...this.tls, handshakeTimeout: HANDSHAKE_MS }, app);
  }
}
