import { Reflector } from '@nestjs/core';
import type { Handler, WorkerOptions } from '@syncline/client';

export interface WorkerSettings extends WorkerOptions {
  /**
   * How long the application waits for the handlers when it closes. What is not done by then is aborted by its signal
   * and given back. Default 30,000.
   */
  readonly stopTimeoutMs?: number;
}

/** What {@link Worker} leaves at a method. */
export const Subscription = Reflector.createDecorator<{ queue: string; settings: WorkerSettings }>();

/**
 * Makes a method the handler of a queue: `(message: Message<Body>, context: HandlerContext) => unknown`. It runs
 * from the bootstrap of the application until its close. What it throws is logged, and the message is delivered again.
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
    Subscription({ queue, settings })(target, name, method);
  };
