import { type Holder, toInstant, type Waiter } from '@syncline/contracts';
import { modeOf } from '../../lease/lease.js';
import { decodeOwner, readHolder } from '../lease-record.js';
import { grantingCommand, type MayGrant } from './lock-command.js';

/** A lock or semaphore as the scripts show it. */
export interface ResourceState {
  readonly key: string;
  /** Null when the last token is not known any more. */
  readonly currentToken: string | null;
  readonly used: number;
  /** 0 when there is none. */
  readonly limit: number;
  readonly holders: Holder[];
  readonly waiters: Waiter[];
}

/** Shows one lock or semaphore as it is now. */
export const inspect = grantingCommand(
  'inspect',
  ({ key, most }: MayGrant & { key: string; most: number }) => [key, most],
  (reply) => readState(reply),
);

interface ListRange {
  readonly from: string;
  readonly to: string;
  readonly limit: number;
  /** Only what is awaited. */
  readonly awaited: boolean;
}

/** Shows a page of what is held or awaited. `last`: the last key looked at, null when these were all. */
export const list = grantingCommand(
  'list',
  (page: MayGrant & ListRange & { most: number; mostBytes: number }) => [
    page.from,
    page.to,
    page.limit,
    page.most,
    page.mostBytes,
    page.awaited ? 1 : 0,
  ],
  (reply) => {
    const [last, ...states] = reply as [string, ...unknown[]];
    return { last: last === '' ? null : last, states: states.map(readState) };
  },
);

/** Configures the limit of a semaphore. */
export const resize = grantingCommand(
  'resize',
  ({ key, limit, most }: MayGrant & { key: string; limit: number; most: number }) => [key, limit, most],
  (reply) => readState(reply),
);

/** Takes a resource away from its holders. `more`: there are others left. */
export const revoke = grantingCommand(
  'revoke',
  ({ key, reason, nodeId }: MayGrant & { key: string; reason: string; nodeId: string }) => [
    key,
    reason,
    nodeId,
  ],
  (reply) => {
    const [more, ...leaseIds] = reply as string[];
    return { more: more === '1', leaseIds };
  },
);

function readState(reply: unknown): ResourceState {
  const [key, token, used, limit, leases, waits] = reply as [
    string,
    string,
    number,
    number,
    string[],
    string[],
  ];
  const holders: Holder[] = [];
  for (let i = 0; i < leases.length; i += 2) {
    holders.push(readHolder(key, String(leases[i]), Number(leases[i + 1])));
  }
  const waiters: Waiter[] = [];
  for (let i = 0; i < waits.length; i += 3) {
    waiters.push({
      owner: decodeOwner(String(waits[i])),
      mode: modeOf(Number(waits[i + 1])),
      position: i / 3 + 1,
      waitingSince: toInstant(Number(waits[i + 2])),
    });
  }
  return { key, currentToken: token === '0' ? null : token, used, limit, holders, waiters };
}
