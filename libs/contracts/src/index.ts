export * from './cache.js';
export * from './caches.js';
export * from './cluster.js';
export * from './fields.js';
export * from './lock.js';
export * from './problem.js';
export * from './queue.js';
