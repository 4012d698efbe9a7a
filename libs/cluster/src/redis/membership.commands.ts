import type { Member, Role } from '@syncline/contracts';
import { LuaLibrary } from '@syncline/redis';
import { SILENCE_MS } from '../membership.rules.js';
import { clusterKeys } from './cluster.keys.js';

interface Node {
  readonly role: Role;
  readonly nodeId: string;
  readonly incarnation: string;
}

/** What a member says of itself. */
interface MemberFacts extends Pick<Member, 'url'> {
  readonly kind: Member['kind'];
  /** Whether it takes part in the ring. */
  readonly timers: boolean;
  /** Names of the Lua libraries that it uses. */
  readonly libraries: readonly string[];
}

/** A member as stored in Redis. Times are milliseconds of Redis' clock. */
export interface StoredMember extends MemberFacts {
  readonly nodeId: string;
  readonly incarnation: string;
  readonly startedAt: number;
}

export const library = new LuaLibrary('syncline_cluster', new URL('./scripts/', import.meta.url));

const keys = ({ role }: { role: Role }) => [
  clusterKeys.members(role),
  clusterKeys.seen(role),
  clusterKeys.pulse(role),
  clusterKeys.epoch(role),
];
/** Members of an older version do not say their kind. */
const toMember = (json: string): StoredMember => ({ kind: 'node', timers: true, ...JSON.parse(json) });

/**
 * Makes the node a member. False when another living process has the same id and `replace` is false. The epoch is then larger
 * than `knownEpoch`.
 */
export const join = library.command({
  name: 'join',
  keys,
  args: (node: Node & { facts: MemberFacts; replace: boolean; knownEpoch: number }) => [
    node.role,
    node.nodeId,
    node.incarnation,
    JSON.stringify(node.facts),
    node.replace ? '1' : '0',
    SILENCE_MS,
    node.knownEpoch,
  ],
  decode: (reply) => reply === 1,
});

/** Renews the member and removes silent ones. Null: this node is fenced. `members` is null when the epoch is `knownEpoch`. */
export const heartbeat = library.command({
  name: 'heartbeat',
  keys,
  args: (node: Node & { knownEpoch: number }) => [
    node.role,
    node.nodeId,
    node.incarnation,
    node.knownEpoch,
    SILENCE_MS,
  ],
  decode: (reply, node) => {
    if (reply === null) return null;
    const [epoch, ...members] = reply as string[];
    const changed = Number(epoch) !== node.knownEpoch;
    return { epoch: Number(epoch), members: changed ? members.map(toMember) : null };
  },
});

/** Removes the node from the membership at once. */
export const leave = library.command({
  name: 'leave',
  keys,
  args: ({ role, nodeId, incarnation }: Node) => [role, nodeId, incarnation],
  decode: (reply) => reply === 1,
});

/** Reads the current membership. */
export const readMembers = library.command({
  name: 'members',
  keys,
  decode: (reply, _node: { role: Role }) => {
    const [clock, epoch, members, seen, now] = reply as [number, string, string[], string[], number];
    /** How long each member was silent, ms. */
    const silentMs = new Map<string, number>();
    for (let i = 0; i < seen.length; i += 2) silentMs.set(String(seen[i]), clock - Number(seen[i + 1]));
    return { now, epoch: Number(epoch), members: members.map(toMember), silentMs };
  },
});
