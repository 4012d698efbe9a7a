import { EventEmitter, once } from 'node:events';
import { benchmark, Latencies, type Measurement } from '../harness/index.js';
import { BODY, type Broker } from './broker.js';
import { contestant } from './contestant.js';
import { CAVEATS, PEERS } from './peers/index.js';

const BATCH = Array.from({ length: 500 }, () => BODY);

/** How many messages are there to be drained: some seconds' worth. */
const preloaded = (concurrency: number) => (concurrency === 1 ? 4_000 : 40_000);

/** From the first receive until the last handler ran. */
async function drain(broker: Broker, concurrency: number): Promise<Measurement> {
  const latencies = new Latencies();
  const operations = preloaded(concurrency);
  let left = operations;
  const startedAt = performance.now();
  let lastAt = startedAt;
  const queue = new EventEmitter();
  const drained = once(queue, 'drained');
  const stop = await broker.consume(concurrency, () => {
    const now = performance.now();
    latencies.record(now - lastAt);
    lastAt = now;
    left -= 1;
    if (left === 0) queue.emit('drained');
  });
  await drained;
  const seconds = (lastAt - startedAt) / 1_000;
  await stop();
  return { operations, seconds, latencies };
}

async function fill(broker: Broker, concurrency: number): Promise<void> {
  await broker.clear();
  for (let sent = 0; sent < preloaded(concurrency); sent += BATCH.length) await broker.sendBatch(BATCH);
}

export default benchmark({
  question: 'How many messages of 200 bytes are handled and acknowledged a second, from a full queue?',
  unit: 'messages/s',
  loads: [1, 64],
  loadUnit: 'handlers at once',
  rounds: 3,
  contestants: PEERS.map((peer) =>
    contestant(peer, (broker) => ({
      prepare: (load) => fill(broker, load),
      measure: (load) => drain(broker, load),
    })),
  ),
  caveats: [
    ...CAVEATS,
    'A fixed number of messages is drained: 4,000 by one handler, 40,000 by 64. Latencies are the gaps between handlers.',
    'A handler does nothing. No product has more messages unacknowledged than handlers; NATS and RabbitMQ do not wait for an answer to an acknowledgement.',
  ],
});
