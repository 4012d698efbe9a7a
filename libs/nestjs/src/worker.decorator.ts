import { Reflector } from '@nestjs/core';
import type { Handler, WorkerOptions } from '@syncline/client';

/** As of the client's worker. `stopTimeoutMs` is how long the application waits for the handlers when it closes. */
export type WorkerSettings = WorkerOptions;

/** What {@link Worker} leaves at a method, once for each queue. */
export const Subscriptions =
  Reflector.createDecorator<readonly { readonly queue: string; readonly settings: WorkerSettings }[]>();
const reflector = new Reflector();

/**
 * Makes a method the handler of a queue: `(message: Message<Body>, context: HandlerContext) => unknown`. It runs
 * from the bootstrap of the application until its close. What it throws is logged, and the message is delivered again.
 * Several of them make a method the handler of several queues.
 *
 * @param queue its name
 * @param settings as of the client's worker. Default of `onError`: Nest's logger
 */
export const Worker =
  (queue: string, settings: WorkerSettings = {}) =>
  <Method extends Handler<never>>(
    target: object,
    name: string | symbol,
    method: TypedPropertyDescriptor<Method>,
  ): void => {
    if (typeof target === 'function' || typeof method?.value !== 'function') {
      throw new TypeError(`@Worker of ${String(name)}: it must be a method of the objects of its class`);
    }
    const others = reflector.get(Subscriptions, method.value) ?? [];
    Subscriptions([...others, { queue, settings }])(target, name, method);
  };
