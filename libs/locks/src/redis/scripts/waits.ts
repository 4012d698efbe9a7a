import type { CycleStep } from '../../lease/lease.errors.js';
import type { Grant } from '../../lease/lease.js';
import type { Refusal } from '../../lease/refusal.js';
import type { Ticket } from '../../waiting/ticket.js';
import { decodeOwner, type LeaseRecord, readGrant } from '../lease-record.js';
import { keysOfWait, leaseOfWait } from '../wait-id.js';
import { grantingCommand, type InShard, lockCommand, type MayGrant } from './lock-command.js';

/** The outcome of a waiting request. `left`: it is not in the queue any more; `too-late`: it was served, and not taken up in time. */
export type Outcome =
  | { readonly outcome: 'granted'; readonly leases: Grant[]; readonly records: LeaseRecord[] }
  | { readonly outcome: 'waiting' | 'left' | 'too-late' }
  | Extract<Refusal, { outcome: 'limit' | 'over' | 'deadlock' }>
  | { readonly outcome: 'session-ended' };

/** A request that this process holds. */
interface HeldTicket extends Ticket, MayGrant {
  readonly processId: string;
}

/** Takes up what a request was served with; with `leaving`, leaves the queue when there is nothing yet. */
export const takeUp = grantingCommand(
  'take-up',
  ({ processId, id, claim, leaving }: HeldTicket & { leaving: boolean }) => [
    processId,
    id,
    claim,
    leaving ? '1' : '0',
  ],
  (reply, { id }): Outcome => readOutcome(id, reply as string[]),
);

function readOutcome(id: string, [word = '', ...fields]: string[]): Outcome {
  const [outcome, detail] = /^(\w+):(.*)$/.exec(word)?.slice(1) ?? [word];
  switch (outcome) {
    case 'granted':
      return { outcome, ...readGrant(keysOfWait(id), leaseOfWait(id), fields) };
    case 'deadlock':
      return { outcome, cycle: readCycle(JSON.parse(detail ?? '[]')) };
    case 'limit':
      return { outcome, limit: Number(detail) };
    case 'session':
      return { outcome: 'session-ended' };
    case 'lost':
      return { outcome: 'too-late' };
    default:
      return { outcome: outcome as 'waiting' | 'left' };
  }
}

/** Gives up a request whose client is gone. */
export const withdraw = grantingCommand(
  'withdraw',
  ({ processId, id, claim, mayReturn }: HeldTicket) => [processId, id, claim, mayReturn ? '1' : '0'],
  () => undefined,
);

/** Says that a process lives, fetches what was recorded for it, ends what is over. */
export const beat = grantingCommand(
  'beat',
  ({ processId }: MayGrant & { processId: string }) => [processId],
  (reply) => {
    const [requests, nextMs, recorded, token, instance, redisMs] = reply as [
      number,
      number,
      string[],
      string,
      string,
      number,
    ];
    return {
      /** How many requests Redis has for the process. */
      requests,
      /** When the next lease ends, ms from now. */
      nextEndMs: nextMs < 0 ? null : nextMs,
      /** Wait ids of requests with an outcome. */
      outcomes: recorded.filter((_, i) => i % 2 === 0),
      /** No token of the shard was larger. */
      token,
      /** Names the Redis instance. */
      instance,
      /** Its clock. */
      redisMs,
    };
  },
);

/** Wait ids of the requests that Redis has for a process. */
export const requestsOfProcess = lockCommand(
  'requests-of-process',
  ({ processId }: InShard & { processId: string }) => [processId],
  (reply) => reply as string[],
);

/** @param flat owner, name and owner in the way of each step in turn */
/** @param flat of each step in turn: owner, name, owner in the way */
export function readCycle(flat: readonly string[]): CycleStep[] {
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
