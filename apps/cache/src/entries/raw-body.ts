import { MAX_BODY_BYTES } from '@syncline/http';
import { type NextFunction, type Request, type Response, raw } from 'express';

const ENTRY_PATH = /^\/v1\/caches\/[^/]+\/entries\/[^/?]+\/?(?:\?|$)/i;
const readBytes = raw({ type: () => true, limit: MAX_BODY_BYTES });

/** Takes the body of a PUT of an entry as bytes, whatever its content type says, and hides it from the JSON parser. */
export function rawEntryBody(request: Request, response: Response, next: NextFunction): void {
  if (request.method !== 'PUT' || !ENTRY_PATH.test(request.url)) {
    next();
    return;
  }
  // The value is stored as it came: what is compressed stays compressed.
  delete request.headers['content-encoding'];
  readBytes(request, response, (error?: unknown) => {
    request.body ??= Buffer.alloc(0);
    next(error);
  });
}
