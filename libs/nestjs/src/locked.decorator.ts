import { AsyncLocalStorage } from 'node:async_hooks';
import { Inject } from '@nestjs/common';
import { type AcquireOptions, type Lease, LockClient } from '@syncline/client';

/** How a method with `@Locked` gets its lock. */
export type LockedOptions = Omit<AcquireOptions, 'signal'>;

/** Where Nest puts the client, in every provider with such a method. */
const LOCKS = Symbol('LockClient of @Locked');
interface Provider {
  readonly [LOCKS]?: LockClient;
}
const leases = new AsyncLocalStorage<Lease>();

/**
 * Runs an async method under a lock: at any time at most one call in the cluster, whoever makes it. The lock is acquired
 * before and released after, and renewed meanwhile. The caller gets what the method returns or throws; in the method,
 * {@link currentLease} has the signal and the fencing token. It works in providers and controllers of every scope, and in
 * what inherits from them. It is not reentrant: a method that calls another one with the same lock waits for itself.
 *
 * Calls reject, without a call of the method, as `LockClient.acquire` does: with a `LockHeldError` when another one
 * has the lock and there is no `waitMs`, with a `WaitTimeoutError` when `waitMs` is over. They reject with a
 * `LeaseLostError` when the lock was lost before the method returned.
 *
 * @param name of the lock, or a function that makes it of the arguments of the call
 */
export const Locked =
  <Args extends unknown[]>(name: string | ((...args: Args) => string), options: LockedOptions = {}) =>
  <Passed extends [...Args, ...unknown[]], Result>(
    target: object,
    key: string | symbol,
    method: TypedPropertyDescriptor<(...args: Passed) => Promise<Result>>,
  ): void => {
    const { value: run } = method;
    if (typeof target === 'function' || typeof run !== 'function') {
      throw new TypeError(`@Locked of ${String(key)}: it must decorate an instance method`);
    }
    Inject(LockClient)(target, LOCKS);
    const locked = async function (this: Provider, ...args: Passed): Promise<Result> {
      const { [LOCKS]: locks } = this;
      if (locks === undefined) {
        throw new TypeError(
          `@Locked of ${String(key)}: Nest did not make this object, so it has no LockClient`,
        );
      }
      const lock = typeof name === 'string' ? name : name(...(args as unknown[] as Args));
      return locks.using(lock, options, (lease) => leases.run(lease, () => run.apply(this, args)));
    };
    // Other decorators of the method keep what they know of it there.
    for (const each of Reflect.getOwnMetadataKeys(run)) {
      Reflect.defineMetadata(each, Reflect.getOwnMetadata(each, run), locked);
    }
    Object.defineProperty(locked, 'name', { value: String(key) });
    method.value = locked;
  };

/**
 * The lease under which this code runs: of the innermost call of a method with `@Locked`, also in what that calls. Its
 * `signal` aborts when the lock is lost.
 *
 * @throws {TypeError} there is none
 */
export function currentLease(): Lease {
  const lease = leases.getStore();
  if (lease === undefined) throw new TypeError('There is no lease: no method with @Locked has called this');
  return lease;
}
