import { benchmark } from '../harness/index.js';
import { sending } from '../queue/send.bench.js';
import { CAVEATS, PEERS } from './brokers.js';

export default benchmark({
  question: 'How many messages of 200 bytes are sent a second, one by one, without a service between?',
  unit: 'messages/s',
  loads: [1, 64],
  contestants: PEERS.map(sending),
  caveats: CAVEATS,
});
