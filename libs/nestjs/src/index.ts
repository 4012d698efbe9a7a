export { SynclineModule } from './syncline.module.js';
export { Worker, type WorkerSettings } from './worker.decorator.js';
