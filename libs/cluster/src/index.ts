export { ClusterModule } from './cluster.module.js';
export type { ClusterOptions, Peer } from './cluster.options.js';
export { EventLog } from './events/event-log.js';
export {
  EventWatches,
  type Reading,
  type WatchedStream,
  type Watcher,
} from './events/event-watches.js';
export { RoleEvents } from './events/role-events.js';
export { Membership } from './membership.js';
export { type KnownNode, NodeDirectory } from './node-directory.js';
export { NodeTransport } from './node-transport.js';
export { Openings } from './openings.js';
export { RecentMembers } from './recent-members.js';
export { nodeChannel, roleChannel } from './redis/cluster.keys.js';
export { RedisWatch } from './redis-watch.js';
export { Ring } from './ring.js';
