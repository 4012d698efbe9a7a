/**
 * For `@syncline/embedded`: the client over engines in this process. Not for applications; it may change in any version.
 */
export { clock } from './clock.js';
export { ConnectionError, StoreUnavailableError, toError } from './errors.js';
export type {
  CallLimits,
  HeldSet,
  LeaseRequest,
  LockPort,
  LockRequest,
  PermitRequest,
  SetRequest,
  Timed,
  Wait,
} from './locks/lock-port.js';
export { warn } from './report.js';
export type { SynclineClients } from './syncline.js';
