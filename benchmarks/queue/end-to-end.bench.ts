import { setTimeout as sleep } from 'node:timers/promises';
import { benchmark, Latencies } from '../harness/index.js';
import { BODY, bullmq, messages, post, type Received, syncline } from './contestants.js';

const CONSUMERS = 64;

export default benchmark({
  question: 'How many messages a second get through, sent one by one and received by 64 waiting consumers?',
  unit: 'messages/s',
  loads: [1, 16, 64],
  contestants: [
    syncline('Syncline, 3 nodes', (urls) => ({
      measure: async (load, seconds) => {
        const queue = `bench-${load}`;
        await post(urls[0] ?? '', `${queue}/messages`, messages(1));
        const latencies = new Latencies();
        let done = 0;
        let running = true;
        const consumers = Array.from({ length: CONSUMERS }, async (_, i) => {
          const url = urls[i % urls.length] ?? '';
          while (running) {
            const got = await post<Received>(url, `${queue}/receive`, { max: 10, waitMs: 500 });
            if (got.messages.length === 0) continue;
            for (const { enqueuedAt } of got.messages) latencies.record(Date.now() - Date.parse(enqueuedAt));
            await post(url, `${queue}/ack`, { receipts: got.messages.map(({ receipt }) => receipt) });
            done += got.messages.length;
          }
        });
        const producers = Array.from({ length: load }, async (_, i) => {
          while (running) await post(urls[i % urls.length] ?? '', `${queue}/messages`, messages(1));
        });
        const before = done;
        const startedAt = performance.now();
        await sleep(seconds * 1_000);
        const operations = done - before;
        const elapsed = (performance.now() - startedAt) / 1_000;
        running = false;
        await Promise.all([...producers, ...consumers]);
        return { operations, seconds: elapsed, latencies };
      },
    })),
    bullmq('BullMQ', ({ queue, worker }) => {
      let done = 0;
      let latencies = new Latencies();
      worker(CONSUMERS, async (job) => {
        latencies.record(Date.now() - job.timestamp);
        done += 1;
      });
      return {
        measure: async (load, seconds) => {
          latencies = new Latencies();
          let running = true;
          const before = done;
          const startedAt = performance.now();
          const producers = Array.from({ length: load }, async () => {
            while (running) await queue.add('job', BODY);
          });
          await sleep(seconds * 1_000);
          const operations = done - before;
          const elapsed = (performance.now() - startedAt) / 1_000;
          running = false;
          await Promise.all(producers);
          const measured = latencies;
          while ((await queue.getJobCountByTypes('waiting', 'active')) > 0) await sleep(20);
          return { operations, seconds: elapsed, latencies: measured };
        },
      };
    }),
  ],
  caveats: [
    'Latency: from the time that Redis (Syncline) or the sender (BullMQ) wrote into the message to its handler, in whole milliseconds.',
    'BullMQ hands jobs to 64 handlers in one process; Syncline answers 64 HTTP requests that ask for up to 10 messages each.',
  ],
});
