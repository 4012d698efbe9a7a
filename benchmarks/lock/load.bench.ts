import { randomUUID } from 'node:crypto';
import { benchmark, type Contestant } from '../harness/index.js';
import { syncline } from './peers/syncline.js';

const contestant = (nodes: number): Contestant => {
  const peer = syncline(nodes);
  return {
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
  };
};

export default benchmark({
  question: 'How do throughput and latency of distinct locks grow with the load, on one node and on three?',
  unit: 'cycles/s',
  loads: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  rounds: 3,
  contestants: [contestant(3), contestant(1)],
  caveats: [
    'Through our client, in one process: the calls of one turn travel in one request to one of the nodes.',
    'Client, nodes and Redis share two cores: three nodes cannot do more than one here, only cost more or less.',
  ],
});
