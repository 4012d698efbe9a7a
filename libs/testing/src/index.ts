export { Child, watchdog } from './child.js';
export { Chromium } from './chromium.js';
export { eventually } from './eventually.js';
export { freePort } from './free-port.js';
export { isRunning } from './is-running.js';
export { NodeProcess, type NodeProcessOptions, startNodes, stopAll } from './node-process.js';
export { RedisCluster } from './redis-cluster.js';
export { RedisServer, type RedisServerOptions } from './redis-server.js';
export { type Direction, TcpProxy } from './tcp-proxy.js';
