import { randomUUID } from 'node:crypto';
import { benchmark, type Contestant } from '../harness/index.js';
import { CAVEATS, PEERS, type Peer } from './peers.js';

const contestant = (peer: Peer): Contestant => ({
  name: peer.name,
  start: async (stage) => {
    const locker = await peer.open(stage);
    return {
      operation: async (worker) => {
        const unlock = await locker.lock(`job-${randomUUID()}`, worker);
        await unlock();
      },
      stop: () => locker.stop(),
    };
  },
});

export default benchmark({
  question: 'How many acquire and release cycles a second, each on a lock of its own?',
  unit: 'cycles/s',
  loads: [1, 16, 64],
  contestants: PEERS.map(contestant),
  caveats: CAVEATS,
});
