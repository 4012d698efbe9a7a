import { Reflector } from '@nestjs/core';
import type { Handler, WorkerOptions } from '@syncline/client';

/** Options of the client's worker. `stopTimeoutMs` is how long the application waits for the handlers when it closes. */
export type WorkerSettings = WorkerOptions;

/** The metadata that {@link Worker} sets on a method: one item for each queue. */
export const Subscriptions =
  Reflector.createDecorator<readonly { readonly queue: string; readonly settings: WorkerSettings }[]>();
const reflector = new Reflector();

/**
 * Makes a method the handler of a queue: `(message: Message<Body>, context: HandlerContext) => unknown`. It receives
 * messages from the bootstrap of the application until its close. When it throws, the error is logged and the message is
 * delivered again. A method with several decorators handles several queues.
 *
 * @param queue name of the queue
 * @param settings options of the client's worker. Default of `onError`: Nest's logger
 */
export const Worker =
  (queue: string, settings: WorkerSettings = {}) =>
  <Method extends Handler<never>>(
    target: object,
    name: string | symbol,
    method: TypedPropertyDescriptor<Method>,
  ): void => {
    if (typeof target === 'function' || typeof method?.value !== 'function') {
      throw new TypeError(`@Worker of ${String(name)}: it must decorate an instance method`);
    }
    const others = reflector.get(Subscriptions, method.value) ?? [];
    Subscriptions([...others, { queue, settings }])(target, name, method);
  };
