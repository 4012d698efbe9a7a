import { setTimeout as sleep } from 'node:timers/promises';
import { benchmark, Latencies, Missing } from '../harness/index.js';
import type { Peer } from './broker.js';
import { burst } from './burst.js';
import { contestant } from './contestant.js';
import { Deliveries } from './deliveries.js';
import { bullmq } from './peers/bullmq.js';
import { CAVEATS, PEERS } from './peers/index.js';
import { syncline } from './peers/syncline.js';

/** Whole seconds: beanstalkd knows no parts of them. */
const DELAY_MS = 1_000;
const HOUR_MS = 3_600_000;
const HANDLERS = 4;
const BURSTS = [
  { count: 2_000, handlers: 2_000, handlerMs: 0 },
  { count: 100_000, handlers: HANDLERS, handlerMs: 5 },
];

/** @param besides how many other messages wait for their time, an hour away */
const delayed = (peer: Peer, besides = 0) =>
  contestant(
    peer,
    async (broker) => {
      const sendDelayed = broker.sendDelayed?.bind(broker);
      if (sendDelayed === undefined) throw new Missing('it has no delays');
      for (let sent = 0; sent < besides; sent += 1_000) {
        await Promise.all(Array.from({ length: 1_000 }, () => sendDelayed('later', HOUR_MS)));
      }
      const deliveries = new Deliveries();
      const stop = await broker.consume(HANDLERS, deliveries.handle);
      return {
        measure: async (load, seconds) => {
          const latencies = new Latencies();
          const operations = Math.round(load * seconds);
          const startedAt = performance.now();
          const one = async (i: number) => {
            await sleep((i * 1_000) / load);
            const { body, handled } = deliveries.next();
            const sentAt = performance.now();
            await sendDelayed(body, DELAY_MS);
            await handled;
            latencies.record(Math.max(0, performance.now() - sentAt - DELAY_MS));
          };
          await Promise.all(Array.from({ length: operations }, (_, i) => one(i)));
          return { operations, seconds: (performance.now() - startedAt) / 1_000, latencies };
        },
        stop,
      };
    },
    besides === 0 ? peer.name : `${peer.name}, ${besides} others delayed`,
  );

export default benchmark({
  question: 'How late is a delayed message, with a handler that waits for it?',
  unit: 'messages/s',
  loads: [50],
  loadUnit: 'messages a second',
  rounds: 3,
  seconds: 4,
  contestants: [
    ...PEERS.map((peer) => delayed(peer)),
    delayed(syncline(3), 100_000),
    delayed(bullmq, 100_000),
    ...BURSTS.flatMap((of) => [syncline(3), bullmq].map((peer) => burst(peer, of))),
  ],
  caveats: [
    'Read the latencies: from the call that sends until the handler runs, less the delay. The rate is given by the load.',
    'At one instant: the load says nothing. Of 2,000, with a handler for each, the latency is from the instant until a handler runs. Of 100,000, with 4 handlers that take 5 ms each, it is from the instant until all are ready; the handlers are there since BullMQ makes nothing ready without a worker that asks. Meanwhile a message is sent to another queue each 10 ms, received and acknowledged.',
    ...CAVEATS,
  ],
});
