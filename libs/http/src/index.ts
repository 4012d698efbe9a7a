export { CalledBy, Caller } from './access/caller.js';
export { AnyKey, Does, JUDGED_BY_HANDLER, NO_NAME, Open } from './access/does.decorator.js';
export { ApiProblems } from './document/api-problems.decorator.js';
export { NODE_CONFIG, type NodeConfig, readNodeConfig } from './node/node.config.js';
export { type NodeRole, startNode } from './node/start-node.js';
export { TakesBytes, TakesUpTo } from './request/body.guard.js';
export { Disconnect } from './request/disconnect.decorator.js';
