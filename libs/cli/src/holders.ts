import type { Holder, Lock } from '@syncline/client';
import { tableOf, write, writeLine } from './output.js';

/** Columns of a listing of locks or semaphores. */
export const HOLDER_HEADS = ['HOLDERS', 'WAITING', 'UNTIL'] as const;

export const holderRow = ({ holders, waiters }: Pick<Lock, 'holders' | 'waiters'>) => [
  holders.map(({ owner }) => owner).join(', '),
  waiters.length,
  holders.map(({ expiresAt }) => expiresAt).reduce((a, b) => (a > b ? a : b), ''),
];

/** Prints who holds a lock or permits, and who waits. */
export async function writeHolders({ holders, waiters }: Pick<Lock, 'holders' | 'waiters'>): Promise<void> {
  if (holders.length > 0) {
    const rows = holders.map((lease) => [
      lease.owner,
      lease.permits,
      lease.fencingToken,
      lease.acquiredAt,
      lease.expiresAt,
    ]);
    await write(`\n${tableOf(['HOLDER', 'PERMITS', 'TOKEN', 'SINCE', 'UNTIL'], rows)}`);
  }
  if (waiters.length > 0) {
    const rows = waiters.map((waiter) => [waiter.owner, waiter.mode, waiter.waitingSince]);
    await write(`\n${tableOf(['WAITER', 'MODE', 'SINCE'], rows)}`);
  }
}

/**
 * Prints whose leases were revoked.
 *
 * @param holders as they were shortly before
 */
export async function writeRevoked(
  name: string,
  revoked: readonly string[],
  holders: readonly Holder[],
): Promise<void> {
  if (revoked.length === 0) return writeLine(`Nobody held ${name}.`);
  const owners = holders.map(({ owner }) => owner);
  const others = revoked.length - owners.length;
  if (others > 0) owners.push(owners.length > 0 ? `${others} more` : 'a new holder');
  const leases = `lease${revoked.length > 1 ? 's' : ''} ${revoked.join(', ')}`;
  await writeLine(`Revoked ${name} from ${owners.join(', ')}, ${leases}.`);
}
