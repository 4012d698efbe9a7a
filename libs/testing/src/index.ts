export { startBrowser } from './browser.js';
export { Certificates } from './certificates.js';
export { Child, watchdog } from './child.js';
export { eventually } from './eventually.js';
export { freePort } from './free-port.js';
export { isRunning } from './is-running.js';
export { LuaFolders } from './lua-folders.js';
export {
  answeredBy,
  NodeProcess,
  type NodeProcessOptions,
  startInVain,
  startNodes,
  stopAll,
} from './node-process.js';
export { RedisCluster } from './redis-cluster.js';
export { type Follower, RedisReplication, type RedisReplicationOptions } from './redis-replication.js';
export { RedisSentinels } from './redis-sentinels.js';
export { RedisServer, type RedisServerOptions } from './redis-server.js';
export { isRedisFrom } from './redis-version.js';
export { type Direction, TcpProxy } from './tcp-proxy.js';
