import { benchmark, closedLoop, type Measurement } from '../harness/index.js';
import { BODY, type Broker } from './broker.js';
import { contestant } from './contestant.js';
import { CAVEATS, PEERS } from './peers/index.js';

const BATCH = Array.from({ length: 100 }, () => BODY);

async function measure(broker: Broker, load: number, seconds: number): Promise<Measurement> {
  const before = (await broker.memory?.()) ?? Number.NaN;
  const measured = await closedLoop(load, seconds, async () => {
    await broker.sendBatch(BATCH);
    return BATCH.length;
  });
  const { performed = 0 } = measured;
  const taken = ((await broker.memory?.()) ?? Number.NaN) - before;
  return { ...measured, figures: { 'memory over the body, bytes': taken / performed - BODY.length } };
}

export default benchmark({
  question: 'How many messages of 200 bytes are sent a second, 100 at a time?',
  unit: 'messages/s',
  loads: [1, 8],
  rounds: 3,
  contestants: PEERS.map((peer) =>
    contestant(peer, (broker) => ({
      prepare: () => broker.clear(),
      measure: (load, seconds) => measure(broker, load, seconds),
    })),
  ),
  caveats: [...CAVEATS, 'Latencies are those of a whole batch.'],
});
