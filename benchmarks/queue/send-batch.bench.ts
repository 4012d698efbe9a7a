import { benchmark, type Contestant, closedLoop } from '../harness/index.js';
import { BODY, type Peer } from './broker.js';
import { CAVEATS, PEERS } from './peers/index.js';

const BATCH = Array.from({ length: 100 }, () => BODY);

const contestant = (peer: Peer): Contestant => ({
  name: peer.name,
  start: async (stage) => {
    const broker = await peer.open(stage);
    return {
      measure: async (load, seconds) => {
        const before = (await broker.memory?.()) ?? Number.NaN;
        const measured = await closedLoop(load, seconds, async () => {
          await broker.sendBatch(BATCH);
          return BATCH.length;
        });
        const { performed = 0 } = measured;
        const taken = ((await broker.memory?.()) ?? Number.NaN) - before;
        return { ...measured, figures: { 'memory over the body, bytes': taken / performed - BODY.length } };
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
  question: 'How many messages of 200 bytes are sent a second, 100 at a time?',
  unit: 'messages/s',
  loads: [1, 8],
  rounds: 3,
  contestants: PEERS.map(contestant),
  caveats: [...CAVEATS, 'Latencies are those of a whole batch.'],
});
