import { resourceName } from '../../lease/resource.js';
import type { CircleStep, WaitItem, WaitNode } from '../../waiting/wait-graph.js';
import { decodeOwner } from '../lease-record.js';
import { grantingCommand, type InShard, lockCommand, type MayGrant } from './lock-command.js';

interface From extends InShard {
  readonly owners: readonly string[];
}

/** Whom waits, and the waits of owners, lead to in a shard: of each wait its own owner first, nothing of one that has ended. */
export const reach = lockCommand(
  'reach',
  ({ waits, owners }: From & { waits: readonly string[] }) => [waits.length, ...waits, ...owners],
  (reply, { waits }) => {
    const lists = reply as string[][];
    return { ofWaits: lists.slice(0, waits.length), ofOwners: lists.slice(waits.length) };
  },
);

type ItemReply = [key: string, weight: number, limit: number, holders: string[], ahead: string[]];
type WaitReply = [id: string, owner: string, arrival: string, lasts: string, items: ItemReply[]];

/** The waits that a wait, or the waits of owners, can depend on in a shard. */
export const collectWaits = lockCommand(
  'collect-waits',
  ({ wait, owners }: From & { wait: string }) => [wait, ...owners],
  (reply, { shard }) => {
    const [owners, waits] = reply as [string[][], WaitReply[]];
    return { owners, waits: waits.map((wait) => readWait(shard, wait)) };
  },
);

function readWait(shard: number, [id, owner, arrival, lasts, items]: WaitReply): WaitNode {
  return { id, shard, owner, arrival, lasts: lasts === '1', items: items.map(readItem) };
}

function readItem([key, weight, limit, flat, ahead]: ItemReply): WaitItem {
  const holders: WaitItem['holders'][number][] = [];
  for (let i = 0; i < flat.length; i += 3) {
    holders.push({ leaseId: String(flat[i]), owner: String(flat[i + 1]), weight: Number(flat[i + 2]) });
  }
  return { key, weight, limit, holders, ahead };
}

/** Ends the wait of the first step of a circle. False: the circle is there no more. */
export const giveUpWait = grantingCommand(
  'give-up',
  ({ shard, processId, circle }: MayGrant & { processId: string; circle: readonly CircleStep[] }) => {
    const here = circle.filter(({ wait }) => wait.shard === shard);
    return [
      processId,
      here.length,
      ...here.flatMap(({ wait }) => [wait.id, wait.arrival]),
      ...circle.flatMap(({ wait, key, heldBy }) => [wait.owner, resourceName(key), heldBy]),
    ];
  },
  (reply) => reply === 1,
);

/** A request that waits for a name. `since`: ms of Redis' clock. */
export interface ShownWait {
  readonly owner: string;
  readonly name: string;
  readonly since: number;
  /** Owners of its leases. */
  readonly heldBy: readonly string[];
}

/** Some of the requests that wait in a shard, about `most`. */
export const showWaits = lockCommand(
  'waits',
  ({ most }: InShard & { most: number }) => [most],
  (reply): ShownWait[] =>
    (reply as [string, string, number, string[]][]).map(([owner, key, since, holders]) => ({
      owner: decodeOwner(owner),
      name: resourceName(key),
      since,
      heldBy: holders.map(decodeOwner),
    })),
);
