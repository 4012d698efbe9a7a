import type { Role } from '@syncline/contracts';

/** Every Redis key and channel of the membership of a role. */
export const clusterKeys = {
  members: (role: Role) => `syncline:{cluster:${role}}:members`,
  seen: (role: Role) => `syncline:{cluster:${role}}:seen`,
  pulse: (role: Role) => `syncline:{cluster:${role}}:pulse`,
  epoch: (role: Role) => `syncline:{cluster:${role}}:epoch`,
};

/** Channel on which Nest's Redis transport carries a pattern to every node of a role. */
export const roleChannel = (role: Role, pattern: string) => `syncline.${role}.${pattern}`;

/** Channel on which Nest's Redis transport carries a pattern to one node. */
export const nodeChannel = (role: Role, pattern: string, nodeId: string) =>
  `syncline.${role}.${pattern}.${nodeId}`;
