export type { SynclineModuleOptions } from './module-definition.js';
export { SynclineModule } from './syncline.module.js';
export { Worker, type WorkerSettings } from './worker.decorator.js';
