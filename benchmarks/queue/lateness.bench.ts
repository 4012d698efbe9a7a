import { setTimeout as sleep } from 'node:timers/promises';
import { benchmark, Latencies, type Measurement } from '../harness/index.js';
import { BODY, bullmq, messages, post, type Received, syncline } from './contestants.js';

const DELAY_MS = 300;

export default benchmark({
  question: 'How late is a delayed message, with a consumer that waits for it?',
  unit: 'messages/s',
  loads: [20],
  loadUnit: 'messages at different moments a second',
  seconds: 4,
  contestants: [
    syncline('Syncline, 3 nodes', (urls) => ({
      measure: async (load, seconds): Promise<Measurement> => {
        const url = urls[0] ?? '';
        await post(url, 'late/messages', messages(1));
        await post(url, 'late/purge', {});
        const latencies = new Latencies();
        const count = Math.round(load * seconds);
        let done = 0;
        const consumers = Array.from({ length: 4 }, async (_, i) => {
          const at = urls[i % urls.length] ?? '';
          while (done < count) {
            const got = await post<Received>(at, 'late/receive', { max: 1, waitMs: 1_000 });
            for (const { enqueuedAt } of got.messages) {
              latencies.record(Math.max(0, Date.now() - Date.parse(enqueuedAt) - DELAY_MS));
              done += 1;
            }
            if (got.messages.length > 0) {
              await post(at, 'late/ack', { receipts: got.messages.map(({ receipt }) => receipt) });
            }
          }
        });
        const startedAt = performance.now();
        for (let i = 0; i < count; i += 1) {
          await post(url, 'late/messages', { messages: [{ body: BODY, delayMs: DELAY_MS }] });
          await sleep(1_000 / load);
        }
        await Promise.all(consumers);
        return { operations: count, seconds: (performance.now() - startedAt) / 1_000, latencies };
      },
    })),
    bullmq('BullMQ', ({ queue, worker }) => {
      let latencies = new Latencies();
      let done = 0;
      worker(4, async (job) => {
        latencies.record(Math.max(0, Date.now() - job.timestamp - DELAY_MS));
        done += 1;
      });
      return {
        measure: async (load, seconds): Promise<Measurement> => {
          latencies = new Latencies();
          done = 0;
          const count = Math.round(load * seconds);
          const startedAt = performance.now();
          for (let i = 0; i < count; i += 1) {
            await queue.add('job', BODY, { delay: DELAY_MS });
            await sleep(1_000 / load);
          }
          while (done < count) await sleep(20);
          return { operations: count, seconds: (performance.now() - startedAt) / 1_000, latencies };
        },
      };
    }),
  ],
  caveats: [
    'Read the latencies: they are the lateness, in whole milliseconds. The rate is given by the load.',
  ],
});
