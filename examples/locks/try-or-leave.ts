// A nightly job runs on every machine, but only once: who comes second leaves.
import { LockHeldError, Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);

async function nightly(machine: string): Promise<string> {
  try {
    await using lease = await syncline.lock.acquire('nightly-report', { owner: machine });
    console.log(lease.owner, lease.mode, lease.isHeld); // machine-a exclusive true
    // Another machine, in the meantime:
    return machine === 'machine-a' ? await nightly('machine-b') : 'done twice';
  } catch (error) {
    if (error instanceof LockHeldError) return `${machine} leaves it to others`;
    throw error;
  }
}

console.log(await nightly('machine-a')); // machine-b leaves it to others
