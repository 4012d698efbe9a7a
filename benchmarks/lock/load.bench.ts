import { benchmark } from '../harness/index.js';
import { uncontended } from './distinct.bench.js';
import { syncline } from './peers/syncline.js';

export default benchmark({
  question: 'How do throughput and latency of distinct locks grow with the load, on one node and on three?',
  unit: 'cycles/s',
  loads: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  rounds: 3,
  contestants: [3, 1].map((nodes) => uncontended(syncline(nodes))),
  caveats: [
    'Through our client, in one process: the calls of one turn travel in one request to one of the nodes.',
    'Client, nodes and Redis share two cores: three nodes cannot do more than one here, only cost more or less.',
  ],
});
