import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Problem, ValidationFailed } from '@syncline/contracts';
import { ClientDisconnected } from '@syncline/runtime';
import { type Request, type RequestHandler, type Response, raw } from 'express';
import { Call } from '../calls/call.js';
import { bodyInRealm } from '../tenants/realm.js';
import { readJson } from './json.js';

const TAKES_BYTES = 'syncline:takes-bytes';

/** The handler takes its body as bytes of any content type: `request.body` is a `Buffer`. */
export const TakesBytes = () => SetMetadata(TAKES_BYTES, true);

const MOST_BYTES = 'syncline:most-bytes';

/** Largest body of a call whose parts are small by nature, in bytes: a set of locks with long names is the largest of them. */
const USUAL_BODY_BYTES = 65_536;

/** The handler takes more than is usual: messages, entries, or many items. */
export const TakesUpTo = (bytes: number) => SetMetadata(MOST_BYTES, bytes);

const readers = new Map<number, RequestHandler>();

function readerOf(limit: number): RequestHandler {
  let reader = readers.get(limit);
  if (reader === undefined) {
    reader = raw({ type: 'application/json', limit });
    readers.set(limit, reader);
  }
  return reader;
}

/**
 * Reads the body of a request. It runs as a guard after the one for API keys, so that a node never reads the body of a
 * caller without the right, or of a request without a handler.
 */
@Injectable()
export class BodyGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const http = context.switchToHttp();
    const request: Request | Call = http.getRequest();
    if (request instanceof Call) return true;
    const limit =
      this.reflector.get<number | undefined>(MOST_BYTES, context.getHandler()) ?? USUAL_BODY_BYTES;
    if (this.reflector.get<boolean | undefined>(TAKES_BYTES, context.getHandler())) {
      return takeBytes(request, limit);
    }
    if (!hasBody(request)) return true;
    return takeJson(request, http.getResponse(), readerOf(limit));
  }
}

export const hasBody = ({ headers }: Request): boolean => {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
};

async function takeJson(request: Request, response: Response, read: RequestHandler): Promise<true> {
  await new Promise<void>((resolve, reject) => {
    read(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
  });
  const bytes: Buffer | undefined = request.body;
  // Otherwise a body with another content type would count as empty.
  if (bytes === undefined) {
    const message = 'send JSON with the header Content-Type: application/json';
    throw new ValidationFailed([{ path: 'body', message }]);
  }
  request.body = bytes.length === 0 ? undefined : readJson(bytes);
  bodyInRealm(request);
  return true;
}

async function takeBytes(request: Request, limit: number): Promise<true> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw new BodyTooLarge(limit);
  request.body = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      // The rest is discarded: if the connection were closed in the middle, the client might not see the answer.
      if (length > limit) reject(new BodyTooLarge(limit));
      else chunks.push(chunk);
    });
    request.once('end', () => resolve(Buffer.concat(chunks, length)));
    request.once('close', () => reject(new ClientDisconnected()));
    request.once('error', () => reject(new ClientDisconnected()));
  });
  return true;
}

class BodyTooLarge extends Problem {
  constructor(limit: number) {
    super('payload-too-large', `The body is larger than ${limit} bytes.`);
  }
}
