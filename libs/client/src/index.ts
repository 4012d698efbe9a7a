export type {
  Lease as Grant,
  LeaseMode,
  Lock,
  ProblemBody,
  ProblemCode,
  Semaphore as SemaphoreState,
  Verified,
} from '@syncline/contracts';
export * from './errors.js';
export type { HoldOptions, WaitOptions } from './locks/acquisition.js';
export type { Candidacy } from './locks/election.js';
export { Lease, LeaseSet } from './locks/leases.js';
export { type AcquireOptions, LockClient } from './locks/lock-client.js';
export { type PermitOptions, Semaphore } from './locks/semaphore.js';
export {
  Session,
  type SessionLease,
  type SessionLeaseOptions,
  type SessionOptions,
} from './locks/session.js';
export type { TransportOptions } from './transport/transport.js';
