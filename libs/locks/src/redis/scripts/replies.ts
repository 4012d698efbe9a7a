import { type Holder, type Lease, toInstant, type Waiter } from '@syncline/contracts';
import type { CycleStep, RefusedBy } from '../../lease/lease.errors.js';
import { decodeOwner, keysOfWait, leaseOfWait, modeOf, readHolder, readLease } from '../../lease/lease.js';
import { kindOf } from '../lease.keys.js';

/** What an acquire came to. `nextEndMs`: when a lease in the way ends, in ms from now. */
export type AcquireReply =
  | { readonly outcome: 'granted'; readonly leases: Lease[] }
  | { readonly outcome: 'waiting'; readonly nextEndMs: number | null }
  | { readonly outcome: 'held'; readonly waiters: number; readonly holders: RefusedBy[] }
  | { readonly outcome: 'limit' | 'over'; readonly limit: number }
  | { readonly outcome: 'spent' | 'mismatch' | 'session' | 'no-limit' | 'full' };

export type TakeUpReply =
  | { readonly outcome: 'granted'; readonly leases: Lease[] }
  | { readonly outcome: 'limit'; readonly limit: number }
  | { readonly outcome: 'deadlock'; readonly cycle: CycleStep[] }
  | { readonly outcome: 'waiting' | 'left' | 'lost' | 'session' };

export interface ReleaseReply {
  readonly outcome: 'released' | 'released-before' | 'lost';
  /** Requests of the asking node that were served in the same step, and are to be told. */
  readonly served: readonly { readonly id: string; readonly leases: Lease[] }[];
}

/** A lock or semaphore as the scripts show it. */
export interface Shown {
  readonly key: string;
  /** Null when the last token is not known any more. */
  readonly currentToken: string | null;
  readonly used: number;
  readonly limit: number;
  readonly holders: Holder[];
  readonly waiters: Waiter[];
}

/** How many fields a told lease has in a reply: record, end, limit. */
const FIELDS = 3;

/** @param flat record, end and limit of each wish in turn */
export const readLeases = (wishes: readonly { key: string }[], leaseId: string, flat: string[]): Lease[] =>
  wishes.map(({ key }, i) => {
    const at = FIELDS * i;
    const lease = readLease(key, leaseId, String(flat[at]), Number(flat[at + 1]));
    return kindOf(key) === 'semaphore' ? { ...lease, limit: Number(flat[at + 2]) } : lease;
  });

/** What a waiting request was served with. @param flat record, end and limit of each of its names in turn */
export const readGrant = (id: string, flat: string[]): Lease[] =>
  readLeases(
    keysOfWait(id).map((key) => ({ key })),
    leaseOfWait(id),
    flat,
  );

/** @param flat wait id, then record, end and limit of each of its names, again for each request */
export function readServed(flat: string[]): ReleaseReply['served'] {
  const served: { id: string; leases: Lease[] }[] = [];
  for (let i = 0; i < flat.length; ) {
    const id = String(flat[i]);
    const end = i + 1 + FIELDS * keysOfWait(id).length;
    served.push({ id, leases: readGrant(id, flat.slice(i + 1, end)) });
    i = end;
  }
  return served;
}

/** @param flat key, record and end of each holder in turn */
export function readHolders(flat: string[]): Holder[] {
  const holders: Holder[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    holders.push(readHolder(String(flat[i]), String(flat[i + 1]), Number(flat[i + 2])));
  }
  return holders;
}

export function readShown(reply: unknown): Shown {
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

/** @param flat owner, name and owner in the way of each step in turn */
export function readCycle(flat: string[]): CycleStep[] {
  const cycle: CycleStep[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    cycle.push({
      owner: decodeOwner(String(flat[i])),
      waitsFor: String(flat[i + 1]),
      heldBy: decodeOwner(String(flat[i + 2])),
    });
  }
  return cycle;
}
