import type { Tracing } from '../tracing.js';
import type { LockPort } from './lock-port.js';

/** The same port, with its requests for leases traced. */
export function tracedLocks(port: LockPort, tracing: Tracing): LockPort {
  const traced: Pick<LockPort, 'acquireLock' | 'acquireSet' | 'acquirePermits'> = {
    acquireLock: (name, request, wait) =>
      tracing.acquire([name], request.owner, () => port.acquireLock(name, request, wait)),
    acquireSet: (request, wait) => {
      const names = request.locks.map(({ name }) => name);
      return tracing.acquire(names, request.owner, () => port.acquireSet(request, wait));
    },
    acquirePermits: (name, request, wait) =>
      tracing.acquire([name], request.owner, () => port.acquirePermits(name, request, wait)),
  };
  return new Proxy(port, {
    get(target, property) {
      if (property in traced) return Reflect.get(traced, property);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
