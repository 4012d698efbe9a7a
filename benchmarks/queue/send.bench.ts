import { benchmark, type Contestant } from '../harness/index.js';
import { BODY, type Peer } from './broker.js';
import { CAVEATS, PEERS } from './peers/index.js';

const contestant = (peer: Peer): Contestant => ({
  name: peer.name,
  start: async (stage) => {
    const broker = await peer.open(stage);
    return {
      operation: async () => {
        await broker.send(BODY);
        return 1;
      },
      prepare: async () => {
        await broker.clear();
      },
      stop: async () => {
        await broker.stop();
      },
    };
  },
});

export default benchmark({
  question: 'How many messages of 200 bytes are sent a second, one by one?',
  unit: 'messages/s',
  loads: [1, 16, 64],
  rounds: 3,
  contestants: PEERS.map(contestant),
  caveats: CAVEATS,
});
