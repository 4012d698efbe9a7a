/**
 * For `@syncline/embedded`: the client over engines in this process. Not for applications; it may change in any version.
 */
export type {
  CachePort,
  CachesPort,
  Conditions,
  Content,
  Filled,
  NearRead,
  Read,
  SetOptions,
} from './cache/cache-port.js';
export { clock } from './clock.js';
export type { EmbeddedRedis, EmbedOptions } from './embed-options.js';
export { ConnectionError, StoreUnavailableError, toError } from './errors.js';
export type {
  CallLimits,
  HeldSet,
  LeaseRequest,
  LockPort,
  LockRequest,
  NamePage,
  PermitRequest,
  SetRequest,
  Timed,
  Wait,
} from './locks/lock-port.js';
export { itemsOf } from './pages.js';
export { standIn } from './queues/heartbeats/stand-in.js';
export type { NackOptions, QueueChanges, ReceiveOptions } from './queues/message.js';
export type {
  Abort,
  OutgoingAcks,
  OutgoingMessage,
  QueuePort,
  SelectedMessages,
} from './queues/queue-port.js';
export { warn } from './report.js';
export type { SynclineClients } from './syncline.js';
