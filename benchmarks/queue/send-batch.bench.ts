import { benchmark, closedLoop } from '../harness/index.js';
import { BODY, bullmq, messages, post, syncline } from './contestants.js';

const BATCH = 100;
const inMessages = async (load: number, seconds: number, send: (worker: number) => Promise<void>) => {
  const measured = await closedLoop(load, seconds, send);
  return { ...measured, operations: measured.operations * BATCH };
};

export default benchmark({
  question: 'How many messages of 200 bytes can be sent a second, 100 at a time?',
  unit: 'messages/s',
  loads: [1, 8],
  contestants: [
    syncline('Syncline, 3 nodes', (urls) => ({
      measure: (load, seconds) =>
        inMessages(load, seconds, async (worker) => {
          await post(urls[worker % urls.length] ?? '', 'bench/messages', messages(BATCH));
        }),
      prepare: async () => {
        await post(urls[0] ?? '', 'bench/messages', messages(1));
        await post(urls[0] ?? '', 'bench/purge', {});
      },
    })),
    bullmq('BullMQ', ({ queue }) => ({
      measure: (load, seconds) =>
        inMessages(load, seconds, async () => {
          await queue.addBulk(Array.from({ length: BATCH }, () => ({ name: 'job', data: BODY })));
        }),
      prepare: () => queue.obliterate({ force: true }),
    })),
  ],
  caveats: ['Latencies are those of a whole batch.'],
});
