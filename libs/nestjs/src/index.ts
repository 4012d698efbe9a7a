export {
  getCacheToken,
  getQueueToken,
  InjectCache,
  InjectQueue,
  type NamedCache,
  type SynclineFeatures,
} from './features.js';
export { type SynclineHealth, SynclineHealthIndicator } from './health-indicator.js';
export { currentLease, Locked, type LockedOptions } from './locked.decorator.js';
export type { SynclineModuleOptions } from './module-definition.js';
export { Scheduled, type ScheduledRule } from './scheduled.decorator.js';
export { SynclineModule } from './syncline.module.js';
export { SynclineThrottlerStorage, type Throttled } from './throttler-storage.js';
export { type BatchWorkerSettings, Worker, type WorkerSettings } from './worker.decorator.js';
