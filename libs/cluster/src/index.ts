export { ClusterHealth } from './cluster.health.js';
export { nodeChannel, roleChannel } from './cluster.keys.js';
export { ClusterModule } from './cluster.module.js';
export type { ClusterOptions, Peer } from './cluster.options.js';
export { Membership } from './membership.js';
export { HEARTBEAT_MS, SILENCE_MS } from './membership.rules.js';
export { NodeMessages } from './node-messages.js';
export { NodeTransport } from './node-transport.js';
export { Ring } from './ring.js';
