export type {
  Cache as CacheState,
  CacheConfig,
  Cluster,
  Counter,
  Holder,
  Lease as Grant,
  LeaseMode,
  Lock,
  Member,
  ProblemBody,
  ProblemCode,
  Queue as QueueState,
  QueueConfiguration,
  Schedule,
  ScheduleRun,
  Semaphore as SemaphoreState,
  Session as SessionState,
  SessionDetails,
  Verified,
} from '@syncline/contracts';
export {
  Cache,
  type CacheOptions,
  type ConditionalSetOptions,
  type Stored,
} from './cache/cache.js';
export { CacheClient } from './cache/cache-client.js';
export type { SetOptions } from './cache/cache-port.js';
export { bytes, type Codec, json, text } from './cache/codec.js';
export type { LoadOptions } from './cache/load.js';
export type { CacheEntry } from './cache/values.js';
export * from './errors.js';
export type { AcquireOptions, HoldOptions, LockWish, WaitOptions } from './locks/acquisition.js';
export type { Candidacy } from './locks/election.js';
export { Lease, LeaseSet } from './locks/leases.js';
export { LockClient, type LockClientOptions } from './locks/lock-client.js';
export { type PermitOptions, Semaphore } from './locks/semaphore.js';
export {
  Session,
  type SessionHoldOptions,
  type SessionLeaseOptions,
  type SessionOptions,
} from './locks/session.js';
export { SessionLease, SessionLeaseSet } from './locks/session-leases.js';
export type {
  ChainedMessage,
  ExtendOptions,
  FoundMessages,
  Message,
  MessageFilter,
  MessageSelection,
  NackOptions,
  QueueChanges,
  ReceiveOptions,
  SendOptions,
  SentMessage,
  ShownMessage,
} from './queues/message.js';
export { Queue } from './queues/queue.js';
export { QueueClient } from './queues/queue-client.js';
export { type ScheduleRule, Schedules } from './queues/schedules.js';
export type { BatchContext } from './queues/worker/batch.js';
export type { BodySchema, JudgedBody } from './queues/worker/body-schema.js';
export type { BatchItem, HandlerContext } from './queues/worker/delivery.js';
export type { BatchHandler, Handler } from './queues/worker/handler.js';
export { Worker } from './queues/worker/worker.js';
export type { BackOff, BatchWorkerOptions, WorkerOptions } from './queues/worker/worker-options.js';
export { Syncline, type SynclineOptions } from './syncline.js';
export type { MessageHeaders, Settlement, Tracing } from './tracing.js';
export type { TlsOptions } from './transport/tls.js';
export type { TransportOptions } from './transport/transport.js';
