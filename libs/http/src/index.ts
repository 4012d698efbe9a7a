export { Requires } from './api-key.guard.js';
export { ApiProblems } from './api-problems.decorator.js';
export { Drain, ShuttingDown } from './drain.js';
export { HangUp, HungUp } from './hang-up.decorator.js';
export { HttpMetrics } from './metrics.js';
export { NODE_CONFIG, type NodeConfig, readNodeConfig } from './node.config.js';
export { NodeModule } from './node.module.js';
export { ValidationFailed } from './problems.js';
export { MAX_BODY_BYTES, type NodeApp, startNode } from './start-node.js';
