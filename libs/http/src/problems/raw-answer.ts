import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { Problem, ValidationFailed } from '@syncline/contracts';
import { SECURITY_HEADERS } from '../request/security-headers.js';
import { headersOf } from './problems.js';

/** Answers with a problem and ends the connection, when there is no response object. Returns the id of the request. */
export function answerRaw(socket: Duplex, problem: Problem, instance: string, nodeId: string): string {
  const requestId = randomUUID();
  const body = JSON.stringify(problem.toBody(instance));
  const headers = {
    Connection: 'close',
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'X-Node-Id': nodeId,
    'X-Request-Id': requestId,
    ...SECURITY_HEADERS,
    ...headersOf(problem),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.on('error', () => undefined);
  socket.end([`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`, ...lines, '', body].join('\r\n'));
  return requestId;
}

/** Answers invalid HTTP with a problem too; Node by default sends only a status. */
export function answerUnreadable(server: Server, nodeId: string): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const { _httpMessage: answering } = socket as { _httpMessage?: ServerResponse | null };
    // The client is gone, or another answer is already being sent.
    if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent) socket.destroy();
    else answerRaw(socket, problemOf(error), '', nodeId);
  });
  // Expectations other than 100-continue may be ignored; Node by default refuses them without a body.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) =>
    server.emit('request', request, response),
  );
}

function problemOf({ code, message }: NodeJS.ErrnoException): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers-too-large', 'The request line and the headers are larger than 16 KiB.');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new Problem('payload-too-large', 'The extensions of the chunks are too large.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request-timeout', 'The request did not arrive in time. Send it again.');
    default:
      return new ValidationFailed([{ path: 'request', message: `not valid HTTP: ${message}` }]);
  }
}
