import { Reflector } from '@nestjs/core';
import type {
  BatchHandler,
  BatchWorkerOptions,
  Handler,
  ScheduleRule,
  WorkerOptions,
} from '@syncline/client';

/** Options of the client's worker. `stopTimeoutMs` is how long the application waits for the handlers when it closes. */
export type WorkerSettings = WorkerOptions;
/** As {@link WorkerSettings}, for a method that handles batches. */
export type BatchWorkerSettings = BatchWorkerOptions;

/** A schedule by its name. */
export interface NamedRule {
  readonly name: string;
  readonly rule: ScheduleRule;
}

/** What one {@link Worker} or one `Scheduled` says. */
export interface Subscription {
  readonly decorator: '@Worker' | '@Scheduled';
  readonly queues: string | readonly string[];
  readonly settings: WorkerSettings | BatchWorkerSettings;
  /** What sends to the queue. */
  readonly schedule?: NamedRule;
}

/** The metadata of a method: one item for each decorator. */
export const Subscriptions = Reflector.createDecorator<readonly Subscription[]>();
const reflector = new Reflector();

/** Decorates methods of one type. */
export type MethodOf<AnyHandler> = <Method extends AnyHandler>(
  target: object,
  name: string | symbol,
  method: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Makes a method the handler of a queue: `(message: Message<Body>, context: HandlerContext) => unknown`; with the setting
 * `batch`, of several messages at once: `(items: readonly BatchItem<Body>[], context: BatchContext) => unknown`. It receives
 * messages from the bootstrap of the application until its close. When it throws, the error is logged and the message is
 * delivered again. A method with several decorators has several workers.
 *
 * @param queues name of the queue, or of several: these share one worker, and have turns
 * @param settings options of the client's worker. Default of `onError`: Nest's logger
 */
export function Worker(
  queues: string | readonly string[],
  settings: BatchWorkerSettings,
): MethodOf<BatchHandler<never>>;
export function Worker(
  queues: string | readonly string[],
  settings?: WorkerSettings,
): MethodOf<Handler<never>>;
export function Worker(
  queues: string | readonly string[],
  settings: Subscription['settings'] = {},
): MethodOf<Handler<never> & BatchHandler<never>> {
  return subscribe({ decorator: '@Worker', queues, settings });
}

/** Adds to the subscriptions of a method. */
export function subscribe(subscription: Subscription): MethodOf<Handler<never> & BatchHandler<never>> {
  return (target, name, method) => {
    if (typeof target === 'function' || typeof method?.value !== 'function') {
      throw new TypeError(
        `${subscription.decorator} of ${String(name)}: it must decorate an instance method`,
      );
    }
    const others = reflector.get(Subscriptions, method.value) ?? [];
    Subscriptions([...others, subscription])(target, name, method);
  };
}
