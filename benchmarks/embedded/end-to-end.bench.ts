import { benchmark } from '../harness/index.js';
import { endToEnd } from '../queue/end-to-end.bench.js';
import { CAVEATS, PEERS } from './brokers.js';

const HANDLERS = 64;

export default benchmark({
  question:
    'How many messages of 200 bytes a second get from a sender to one of 64 waiting handlers, without a service between?',
  unit: 'messages/s',
  loads: [1, 64],
  contestants: PEERS.map((peer) => endToEnd(peer, HANDLERS)),
  caveats: [
    ...CAVEATS,
    'A closed loop: the next message is sent when the last one was handled and its sending answered.',
  ],
});
