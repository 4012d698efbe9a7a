import { benchmark } from '../harness/index.js';
import { endToEnd } from './end-to-end.bench.js';
import { syncline } from './peers/syncline.js';

export default benchmark({
  question:
    'How do throughput and latency from sender to handler grow with the load, on one node and on three?',
  unit: 'messages/s',
  loads: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  rounds: 3,
  contestants: [syncline(3), syncline(1)].map((peer) => endToEnd(peer, 512)),
  caveats: [
    'Through our client, in one process: what is sent or acknowledged in one turn travels in one request to one of the nodes.',
    'Client, nodes and Redis share two cores: three nodes cannot do more than one here, only cost more or less.',
  ],
});
