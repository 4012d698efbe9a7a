import { randomUUID } from 'node:crypto';
import { benchmark, type Contestant } from '../harness/index.js';
import type { Peer } from './locker.js';
import { CAVEATS, PEERS } from './peers/index.js';

/** An operation takes a lock that nobody else wants, and releases it. */
export const uncontended = (peer: Peer): Contestant => ({
  name: peer.name,
  start: async (stage) => {
    const locker = await peer.open(stage, false);
    return {
      operation: async (worker) => {
        const unlock = await locker.lock(`job-${randomUUID()}`, worker);
        await unlock();
        return 1;
      },
      stop: async () => locker.stop(),
    };
  },
});

export default benchmark({
  question: 'How many acquire and release cycles a second, each on a lock of its own?',
  unit: 'cycles/s',
  loads: [1, 16, 64],
  rounds: 3,
  seconds: 1.5,
  contestants: PEERS.map(uncontended),
  caveats: CAVEATS,
});
