import type { Lease } from '@syncline/contracts';
import { encodeOwner, inOrder, type LeaseRequest } from '../../lease/lease.js';
import { type AcquireReply, type ReleaseReply, readHolders, readLeases, readServed } from './replies.js';

/** A request that a node vouches for. */
export interface Vouched {
  /** Its wait id. */
  readonly id: string;
  readonly claim: string;
}

/** One operation of `operate.lua`. */
export interface Operation<Reply> {
  readonly kind: 'acquire' | 'renew' | 'release';
  readonly fields: readonly (string | number)[];
  readonly read: (reply: unknown) => Reply;
}

/** Takes leases, all or none; waits in the queue when it may. */
export function acquire(request: LeaseRequest, claim: string): Operation<AcquireReply> {
  const wishes = inOrder(request.wishes);
  return {
    kind: 'acquire',
    fields: [
      request.leaseId,
      request.fresh ? '1' : '0',
      request.ttlMs,
      request.waitMs,
      encodeOwner(request.owner),
      request.metadata === null ? '-' : JSON.stringify(request.metadata),
      request.sessionId ?? '-',
      claim,
      ...wishes.flatMap((wish) => [wish.key, wish.permits, wish.limit]),
    ],
    read: (reply) => {
      const [outcome, ...rest] = reply as [AcquireReply['outcome'], ...unknown[]];
      switch (outcome) {
        case 'granted':
          return { outcome, leases: readLeases(wishes, request.leaseId, rest as string[]) };
        case 'waiting':
          return { outcome, nextEndMs: rest[0] === '-1' ? null : Number(rest[0]) - Number(rest[1]) };
        case 'held':
          return {
            outcome,
            waiters: rest[0] as number,
            holders: readHolders(rest[1] as string[]).map(({ metadata: _, ...holder }) => holder),
          };
        case 'limit':
        case 'over':
          return { outcome, limit: rest[0] as number };
        default:
          return { outcome };
      }
    },
  };
}

/** Starts the time of leases anew, of all keys or of none. Null: at least one is lost. */
export const renew = (
  keys: readonly string[],
  leaseId: string,
  ttlMs: number | null,
): Operation<Lease[] | null> => ({
  kind: 'renew',
  fields: [leaseId, ttlMs ?? 0, ...keys],
  read: (reply) => {
    const [outcome, ...rest] = reply as string[];
    if (outcome === 'lost') return null;
    return readLeases(
      keys.map((key) => ({ key })),
      leaseId,
      rest,
    );
  },
});

/**
 * Ends leases and serves who waits.
 *
 * @param vouched requests whose callers this node has on the line just now
 */
export const release = (
  keys: readonly string[],
  leaseId: string,
  vouched: readonly Vouched[],
): Operation<ReleaseReply> => ({
  kind: 'release',
  fields: [leaseId, keys.length, ...keys, ...vouched.flatMap(({ id, claim }) => [id, claim])],
  read: (reply) => {
    const [code, ...flat] = reply as [number, ...string[]];
    const outcome = code === 1 ? 'released' : code === 0 ? 'released-before' : 'lost';
    return { outcome, served: readServed(flat) };
  },
});
