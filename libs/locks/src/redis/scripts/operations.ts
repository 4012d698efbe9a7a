import { type Grant, type LeaseRequest, nameOf } from '../../lease/lease.js';
import type { Refusal } from '../../lease/refusal.js';
import type { Ticket } from '../../waiting/ticket.js';
import {
  encodeMetadata,
  encodeOwner,
  FIELDS_OF_LEASE,
  type LeaseRecord,
  readGrant,
  readHolders,
} from '../lease-record.js';
import { keysOfWait, leaseOfWait } from '../wait-id.js';
import { grantingCommand, type MayGrant } from './lock-command.js';

/** The outcome of an acquire. `nextEndMs`: when a lease in the way ends, in ms from now. */
export type AcquireReply =
  | { readonly outcome: 'granted'; readonly leases: Grant[]; readonly records: LeaseRecord[] }
  | { readonly outcome: 'waiting'; readonly nextEndMs: number | null; readonly arrival: string }
  | Refusal;

/** Its tenant holds as many names as it may. */
export interface BeyondQuota {
  readonly outcome: 'quota';
}

export type RenewReply =
  | { readonly outcome: 'renewed'; readonly leases: Grant[]; readonly records: LeaseRecord[] }
  | { readonly outcome: 'lost' };

export interface ReleaseReply {
  readonly outcome: 'released' | 'released-before' | 'lost';
  /** Local waiters that were served in the same step, and are to be told. */
  readonly served: readonly {
    readonly id: string;
    readonly leases: Grant[];
    readonly records: LeaseRecord[];
  }[];
}

/** A request that waits on the node that releases, and whose client is connected. */
export type LocalWaiter = Pick<Ticket, 'id' | 'claim'>;

/** One operation of `operate.lua`. */
export interface Operation<Reply> {
  readonly kind: 'acquire' | 'acquire-within' | 'renew' | 'release';
  readonly fields: readonly (string | number)[];
  readonly read: (answer: unknown[]) => Reply;
}

const operationCommand = (name: string) =>
  grantingCommand(
    name,
    (input: MayGrant & { processId: string; operations: readonly Operation<unknown>[] }) => {
      const args: (string | number)[] = [input.processId];
      for (const { kind, fields } of input.operations) args.push(kind, fields.length, ...fields);
      return args;
    },
    (reply) => readAnswers(reply as unknown[]),
  );

/** @param flat of each operation: how many fields its answer has, then those */
function readAnswers(flat: readonly unknown[]): unknown[][] {
  const answers: unknown[][] = [];
  for (let at = 0; at < flat.length; ) {
    const end = at + 1 + Number(flat[at]);
    answers.push(flat.slice(at + 1, end));
    at = end;
  }
  return answers;
}

/** Runs operations one after the other; returns their replies, for each to read its own. Refused whole by a full Redis. */
export const operate = operationCommand('operate');
/** What of it can be done while Redis is full. */
export const operateFull = operationCommand('operate-full');

/**
 * Takes leases, all or none; waits in the queue when it may.
 *
 * @param mostNames that its tenant may hold; undefined: any number
 */
export function acquire(request: LeaseRequest, claim: string): Operation<AcquireReply>;
export function acquire(
  request: LeaseRequest,
  claim: string,
  mostNames: number,
): Operation<AcquireReply | BeyondQuota>;
export function acquire(
  request: LeaseRequest,
  claim: string,
  mostNames?: number,
): Operation<AcquireReply | BeyondQuota> {
  const fields: (string | number)[] = mostNames === undefined ? [] : [mostNames];
  fields.push(
    request.leaseId,
    request.leaseIdIsNew ? '1' : '0',
    request.ttlMs,
    request.waitMs,
    encodeOwner(request.owner, nameOf(request)),
    encodeMetadata(request.metadata),
    request.sessionId ?? '-',
    claim,
  );
  for (const { key, permits, limit } of request.resources) fields.push(key, permits, limit);
  return {
    kind: mostNames === undefined ? 'acquire' : 'acquire-within',
    fields,
    read: (reply) => readAcquired(request, reply as [string, ...unknown[]]),
  };
}

function readAcquired(
  request: LeaseRequest,
  [outcome, ...rest]: [string, ...unknown[]],
): AcquireReply | BeyondQuota {
  switch (outcome) {
    case 'granted': {
      const keys = request.resources.map(({ key }) => key);
      return { outcome, ...readGrant(keys, request.leaseId, rest as string[]) };
    }
    case 'waiting':
      return {
        outcome,
        nextEndMs: rest[0] === '-1' ? null : Number(rest[0]) - Number(rest[1]),
        arrival: String(rest[2]),
      };
    case 'held':
      return {
        outcome,
        waiters: rest[0] as number,
        holders: readHolders(rest.slice(1) as string[]).map(({ metadata: _, ...holder }) => holder),
      };
    case 'limit':
    case 'over':
      return { outcome, limit: rest[0] as number };
    case 'session':
      return { outcome: 'no-session', sessionId: request.sessionId };
    case 'spent':
      return { outcome: 'lost' };
    default:
      return { outcome: outcome as 'no-limit' | 'full' | 'quota' | 'mismatch' };
  }
}

/** Renews leases, of all keys or of none. @param ttlMs null: as long as before */
export const renew = (
  keys: readonly string[],
  leaseId: string,
  ttlMs: number | null,
): Operation<RenewReply> => ({
  kind: 'renew',
  fields: [leaseId, ttlMs ?? 0, ...keys],
  read: (reply) => {
    const [outcome, ...rest] = reply as string[];
    return outcome === 'renewed' ? { outcome, ...readGrant(keys, leaseId, rest) } : { outcome: 'lost' };
  },
});

/** Ends leases and serves the requests that wait. */
export const release = (
  keys: readonly string[],
  leaseId: string,
  localWaiters: readonly LocalWaiter[],
): Operation<ReleaseReply> => {
  const fields: (string | number)[] = [leaseId, keys.length, ...keys];
  for (const { id, claim } of localWaiters) fields.push(id, claim);
  return {
    kind: 'release',
    fields,
    read: (reply) => {
      const [code, ...flat] = reply as [number, ...string[]];
      const outcome = code === 1 ? 'released' : code === 0 ? 'released-before' : 'lost';
      return { outcome, served: readServed(flat) };
    },
  };
};

/** @param flat wait id, then record, end and limit of each of its names, again for each request */
function readServed(flat: string[]): ReleaseReply['served'] {
  const served: ReleaseReply['served'][number][] = [];
  for (let i = 0; i < flat.length; ) {
    const id = String(flat[i]);
    const keys = keysOfWait(id);
    const end = i + 1 + FIELDS_OF_LEASE * keys.length;
    served.push({ id, ...readGrant(keys, leaseOfWait(id), flat.slice(i + 1, end)) });
    i = end;
  }
  return served;
}
