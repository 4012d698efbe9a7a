import type { Tracing } from '../../tracing.js';
import type { Message } from '../message.js';
import { Batch, type BatchContext } from './batch.js';
import type { BatchItem, Delivery, HandlerContext } from './delivery.js';
import { type BatchWorkerOptions, batchOf, type WorkerOptions } from './worker-options.js';

/**
 * Handles a message. When it returns, the message is acknowledged, with what it returned as the result if the queue keeps results;
 * when it throws, the message is delivered again.
 */
export type Handler<Body> = (message: Message<Body>, context: HandlerContext) => unknown;

/**
 * Handles some messages of one queue at once; no two of them are of one group. Each has its own outcome: `item.done()` and
 * `item.fail(error)` say it. When the handler returns, all others are acknowledged; when it throws, all others are delivered again.
 */
export type BatchHandler<Body> = (items: readonly BatchItem<Body>[], context: BatchContext) => unknown;

export type AnyHandler<Body> = Handler<Body> | BatchHandler<Body>;
export type AnyWorkerOptions = WorkerOptions | BatchWorkerOptions;

/** Calls a handler with some messages. */
export interface Call<Body> {
  /** How many messages at most. */
  readonly most: number;
  /** Whether the handler takes several, be it one that it gets. */
  readonly isBatch: boolean;
  readonly run: (deliveries: readonly Delivery<Body>[]) => unknown;
}

/** @throws {TypeError} not a function; {RangeError} not a valid size of batches */
export function callOf<Body>(handler: AnyHandler<Body>, options: AnyWorkerOptions): Call<Body> {
  if (typeof handler !== 'function') throw new TypeError('handler: expected a function');
  const batch = batchOf(options);
  if (batch !== undefined) {
    const handle = handler as BatchHandler<Body>;
    return { most: batch, isBatch: true, run: (deliveries) => handle(deliveries, new Batch(deliveries)) };
  }
  const handle = handler as Handler<Body>;
  const run = async ([delivery]: readonly Delivery<Body>[]) => {
    if (delivery !== undefined) delivery.result = await handle(delivery.message, delivery);
  };
  return { most: 1, isBatch: false, run };
}

/** The same call, traced. */
export const tracedCall = <Body>(call: Call<Body>, tracing: Tracing): Call<Body> => ({
  ...call,
  run: (deliveries) => {
    const messages = deliveries.map(({ message }) => message);
    const [message] = messages;
    const run = () => call.run(deliveries);
    return call.isBatch || message === undefined
      ? tracing.processBatch(messages, run)
      : tracing.process(message, run);
  },
});
