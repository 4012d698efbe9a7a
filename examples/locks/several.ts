// Transfers between accounts, in both directions at once: all locks of a transfer, or none, and never a deadlock.
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const balance = new Map([
  ['account-1', 100],
  ['account-2', 100],
]);

async function transfer(from: string, to: string, amount: number): Promise<void> {
  await syncline.lock.usingAll([from, to], { waitMs: 10_000 }, async (leases, signal) => {
    signal.throwIfAborted();
    balance.set(from, (balance.get(from) ?? 0) - amount);
    balance.set(to, (balance.get(to) ?? 0) + amount);
    // Each name has a fencing token of its own.
    if (BigInt(leases.fencingToken(to)) <= 0n) throw new Error('Tokens are larger than nothing.');
  });
}

await Promise.all(
  Array.from({ length: 10 }, (_, i) =>
    i % 2 ? transfer('account-1', 'account-2', 10) : transfer('account-2', 'account-1', 10),
  ),
);
console.log(balance.get('account-1'), balance.get('account-2')); // 100 100
