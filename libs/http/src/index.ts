export { Open, Requires } from './api-key.guard.js';
export { ApiProblems } from './api-problems.decorator.js';
export { TakesBytes } from './body.guard.js';
export { Disconnect } from './disconnect.decorator.js';
export { readNodeConfig } from './node.config.js';
export { type NodeRole, startNode } from './start-node.js';
