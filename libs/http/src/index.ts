export { apiDocument } from './api-document.js';
export { ApiKeyGuard, Requires } from './api-key.guard.js';
export { Drain, ShuttingDown } from './drain.js';
export { HangUp, HungUp } from './hang-up.decorator.js';
export { HttpMetrics } from './metrics.js';
export { InvalidConfig, NODE_CONFIG, type NodeConfig, readNodeConfig } from './node.config.js';
export { NodeModule } from './node.module.js';
export { type FieldError, ValidationFailed } from './problems.js';
export { createNode, MAX_BODY_BYTES, type NodeApp, openNode, startNode } from './start-node.js';
