import { jsonOf } from '../json.js';
import type { ChainedMessage } from './message.js';
import type { OutgoingChained } from './queue-port.js';

/** @throws {TypeError} the body is not a JSON value */
export function outgoing({ queue, body, ...options }: ChainedMessage): OutgoingChained {
  return { queue, body: jsonOf(body, 'The body of a message'), options: JSON.stringify(options) };
}
