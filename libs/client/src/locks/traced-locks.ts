import type { Tracing } from '../tracing.js';
import type { LockPort } from './lock-port.js';

/** The same port, with its requests for leases traced. Renewals go on for as long as a lease is held: they are of no trace. */
export function tracedLocks(port: LockPort, tracing: Tracing): LockPort {
  const traced: Partial<LockPort> = {
    acquireLock: (name, request, wait) =>
      tracing.acquire([name], request.owner, () => port.acquireLock(name, request, wait)),
    acquireSet: (request, wait) => {
      const names = request.locks.map(({ name }) => name);
      return tracing.acquire(names, request.owner, () => port.acquireSet(request, wait));
    },
    acquirePermits: (name, request, wait) =>
      tracing.acquire([name], request.owner, () => port.acquirePermits(name, request, wait)),
    renewLock: (...lease) => tracing.untraced(() => port.renewLock(...lease)),
    renewSet: (...set) => tracing.untraced(() => port.renewSet(...set)),
    renewPermits: (...lease) => tracing.untraced(() => port.renewPermits(...lease)),
    keepSession: (...session) => tracing.untraced(() => port.keepSession(...session)),
  };
  return new Proxy(port, {
    get(target, property) {
      if (property in traced) return Reflect.get(traced, property);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
