import type { Role } from '@syncline/contracts';
import { defineScript } from '@syncline/redis';
import { clusterKeys, roleChannel } from '../cluster.keys.js';
import { AWAY_MS, CLUSTER_CHANGED, SILENCE_MS } from '../membership.rules.js';

interface Node {
  readonly role: Role;
  readonly nodeId: string;
  readonly incarnation: string;
}

/** A member as the scripts store it. Times are milliseconds of Redis' clock. */
export interface StoredMember {
  readonly nodeId: string;
  readonly url: string;
  readonly incarnation: string;
  readonly startedAt: number;
}

const keys = ({ role }: { role: Role }) => [
  clusterKeys.members(role),
  clusterKeys.seen(role),
  clusterKeys.epoch(role),
];
const channel = ({ role }: { role: Role }) => roleChannel(role, CLUSTER_CHANGED);
const toMember = (json: string) => JSON.parse(json) as StoredMember;

/** Makes the node a member. False when another living process has its id and `replace` is not set. */
export const join = defineScript({
  file: new URL('./join.lua', import.meta.url),
  keys,
  args: (node: Node & { url: string; replace: boolean }) => [
    node.nodeId,
    node.url,
    node.incarnation,
    node.replace ? '1' : '0',
    SILENCE_MS,
    channel(node),
  ],
  decode: (reply) => reply === 1,
});

/** Renews the member and reaps silent ones. Null: fenced. `members` only when the epoch is not `knownEpoch`. */
export const heartbeat = defineScript({
  file: new URL('./heartbeat.lua', import.meta.url),
  keys,
  args: (node: Node & { knownEpoch: number }) => [
    node.nodeId,
    node.incarnation,
    node.knownEpoch,
    SILENCE_MS,
    channel(node),
    AWAY_MS,
  ],
  decode: (reply, node) => {
    if (reply === null) return null;
    const [epoch, ...members] = reply as string[];
    const changed = Number(epoch) !== node.knownEpoch;
    return { epoch: Number(epoch), members: changed ? members.map(toMember) : null };
  },
});

/** Takes the node out of the membership at once. */
export const leave = defineScript({
  file: new URL('./leave.lua', import.meta.url),
  keys,
  args: (node: Node) => [node.nodeId, node.incarnation, channel(node)],
  decode: (reply) => reply === 1,
});

/** Reads the membership as it is now, with each member's last heartbeat. */
export const readMembers = defineScript({
  file: new URL('./members.lua', import.meta.url),
  keys,
  decode: (reply, _node: { role: Role }) => {
    const [now, epoch, members, seen] = reply as [number, string, string[], string[]];
    const lastSeen = new Map<string, number>();
    for (let i = 0; i < seen.length; i += 2) lastSeen.set(String(seen[i]), Number(seen[i + 1]));
    return { now, epoch: Number(epoch), members: members.map(toMember), lastSeen };
  },
});
