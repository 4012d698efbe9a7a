import type { Role } from '@syncline/contracts';

/** The Redis keys of the membership of a role. */
export const clusterKeys = {
  members: (role: Role) => `syncline:{cluster:${role}}:members`,
  seen: (role: Role) => `syncline:{cluster:${role}}:seen`,
  pulse: (role: Role) => `syncline:{cluster:${role}}:pulse`,
  epoch: (role: Role) => `syncline:{cluster:${role}}:epoch`,
  instance: (role: Role) => `syncline:{cluster:${role}}:instance`,
  events: (role: Role) => `syncline:{cluster:${role}}:events`,
};

/**
 * The channel of Nest's Redis transport for a pattern, to all nodes of a role.
 *
 * @param prefix see `namespacePrefix`
 */
export const roleChannel = (prefix: string, role: Role, pattern: string) =>
  `${prefix}syncline.${role}.${pattern}`;

/** The channel of Nest's Redis transport for a pattern, to one node. */
export const nodeChannel = (prefix: string, role: Role, pattern: string, nodeId: string) =>
  `${roleChannel(prefix, role, pattern)}.${nodeId}`;
