import { benchmark, closedLoop } from '../harness/index.js';
import type { Peer } from './broker.js';
import { contestant } from './contestant.js';
import { Deliveries } from './deliveries.js';
import { bullmq } from './peers/bullmq.js';
import { redisStreams } from './peers/redis-streams.js';
import { syncline } from './peers/syncline.js';

const SENDERS = 4;
const HANDLERS = 400;

const cycles = (peer: Peer) =>
  contestant(peer, async (broker) => {
    const deliveries = new Deliveries();
    const stop = await broker.consume(HANDLERS, deliveries.handle);
    return {
      measure: (load, seconds) =>
        closedLoop(SENDERS, seconds, async () => {
          const messages = Array.from({ length: load }, () => deliveries.next());
          await broker.sendBatch(messages.map(({ body }) => body));
          await Promise.all(messages.map(({ handled }) => handled));
          return load;
        }),
      stop,
    };
  });

export default benchmark({
  question: 'What does the whole life of a message of 200 bytes cost Redis: sent, received, acknowledged?',
  unit: 'messages/s',
  loads: [1, 10, 100],
  loadUnit: 'messages in a batch',
  rounds: 3,
  contestants: [syncline(3), bullmq, redisStreams].map(cycles),
  caveats: [
    'Read the Redis CPU: the time of its main thread for a message, in microseconds. Four senders, each with one batch under way.',
    'Streams by hand have no priorities, delays, redelivery or dead letters.',
  ],
});
