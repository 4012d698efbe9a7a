import { ValidationFailed } from '@syncline/contracts';
import {
  type CycleStep,
  Deadlock,
  LeaseLost,
  LeaseMismatch,
  LimitMismatch,
  LockHeld,
  type RefusedBy,
  StoreFull,
} from './lease.errors.js';

/** Why a request for a lease, or on one, was refused. */
export type Refusal =
  | { readonly outcome: 'held'; readonly waiters: number; readonly holders: readonly RefusedBy[] }
  /** `limit`: the semaphore has another limit; `over`: more permits were asked for than it has. */
  | { readonly outcome: 'limit' | 'over'; readonly limit: number }
  | { readonly outcome: 'deadlock'; readonly cycle: readonly CycleStep[] }
  | { readonly outcome: 'no-session'; readonly sessionId: string | null }
  | { readonly outcome: 'no-limit' | 'full' | 'mismatch' | 'lost' | 'session-ended' };

/** What the caller is told of a refusal. */
export function errorOf(refusal: Refusal): Error {
  switch (refusal.outcome) {
    case 'held':
      return new LockHeld(refusal.holders, refusal.waiters);
    case 'limit':
      return new LimitMismatch(refusal.limit);
    case 'over':
      return new ValidationFailed([
        { path: 'permits', message: `expected at most the limit, ${refusal.limit}` },
      ]);
    case 'no-limit':
      return new ValidationFailed([
        { path: 'limit', message: 'expected a limit: the semaphore has none yet' },
      ]);
    case 'full':
      return new StoreFull();
    case 'mismatch':
      return new LeaseMismatch();
    case 'lost':
      return new LeaseLost();
    case 'deadlock':
      return new Deadlock(refusal.cycle);
    case 'no-session':
      return new LeaseLost(`The session ${refusal.sessionId} is gone.`);
    case 'session-ended':
      return new LeaseLost('The session ended while the request waited.');
  }
}
