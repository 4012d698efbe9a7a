import { setTimeout as sleep } from 'node:timers/promises';
import { benchmark, Latencies, type Measurement, Missing } from '../harness/index.js';
import { type Broker, type Peer, VISIBILITY_MS } from './broker.js';
import { contestant } from './contestant.js';
import { Deliveries } from './deliveries.js';
import { CAVEATS, PEERS } from './peers/index.js';

/** All that hang do so before the first one's time is over. */
const BETWEEN_MS = 10;
const GIVE_UP_MS = 10_000;

async function redeliver(
  broker: Broker,
  hang: NonNullable<Broker['hang']>,
  load: number,
): Promise<Measurement> {
  const latencies = new Latencies();
  const deliveries = new Deliveries();
  const startedAt = performance.now();
  const redelivered: Promise<void>[] = [];
  let missing = 0;
  for (let i = 0; i < load; i += 1) {
    const { body, handled } = deliveries.next();
    await broker.send(body);
    await hang();
    const dueAt = performance.now() + VISIBILITY_MS;
    redelivered.push(
      Promise.race([handled.then(() => true), sleep(GIVE_UP_MS, false)]).then((delivered) => {
        if (!delivered) missing += 1;
        latencies.record(Math.max(0, performance.now() - dueAt));
      }),
    );
    await sleep(BETWEEN_MS);
  }
  const stopConsuming = await broker.consume(load, deliveries.handle);
  await Promise.all(redelivered);
  const seconds = (performance.now() - startedAt) / 1_000;
  await stopConsuming();
  return { operations: load, seconds, latencies, figures: { 'not within 10 s': missing } };
}

const hanging = (peer: Peer) =>
  contestant(peer, (broker) => {
    const hang = broker.hang?.bind(broker);
    if (hang === undefined) throw new Missing('no time after which it delivers again by itself');
    return {
      prepare: () => broker.clear(),
      measure: (load) => redeliver(broker, hang, load),
    };
  });

export default benchmark({
  question: 'How late is a message delivered again whose consumer hangs, with a handler that waits for it?',
  unit: 'messages/s',
  loads: [20],
  loadUnit: 'consumers that hang',
  rounds: 3,
  contestants: PEERS.map(hanging),
  caveats: [
    'Read the latencies: from the end of the time that a consumer has, 1 s, until another handler runs.',
    'beanstalkd 1.12 forgets some that hang on connections which stay open: they count as 10 s late.',
    'BullMQ looks for crashed consumers each second here; by default it does so each 30 s.',
    ...CAVEATS,
  ],
});
