import { jsonOf } from '../json.js';
import type { Tracing } from '../tracing.js';
import type { ChainedMessage } from './message.js';
import type { OutgoingChained } from './queue-port.js';

/** @throws {TypeError} the body is not a JSON value */
export function outgoing(message: ChainedMessage, tracing: Tracing | undefined): OutgoingChained {
  const { queue, body, ...options } = message;
  const json = jsonOf(body, 'The body of a message');
  const sent =
    tracing === undefined ? options : { ...options, headers: tracing.create(queue, options.headers) };
  return { queue, body: json, options: JSON.stringify(sent) };
}
