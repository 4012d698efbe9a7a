export * from './cache.js';
export * from './cluster.js';
export * from './fields.js';
export * from './problem.js';
