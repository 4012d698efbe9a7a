import { benchmark } from '../harness/index.js';
import { BODY, type Peer } from './broker.js';
import { contestant } from './contestant.js';
import { CAVEATS, PEERS } from './peers/index.js';

export const sending = (peer: Peer) =>
  contestant(peer, (broker) => ({
    prepare: () => broker.clear(),
    operation: async () => {
      await broker.send(BODY);
      return 1;
    },
  }));

export default benchmark({
  question: 'How many messages of 200 bytes are sent a second, one by one?',
  unit: 'messages/s',
  loads: [1, 16, 64],
  rounds: 3,
  contestants: PEERS.map(sending),
  caveats: CAVEATS,
});
