import { benchmark, closedLoop } from '../harness/index.js';
import { messages, post, type Received, syncline } from './contestants.js';

const PRELOADED = 120_000;

const consumer = (batch: number) =>
  syncline(`Syncline, 3 nodes, ${batch === 1 ? 'one by one' : `${batch} at a time`}`, (urls) => ({
    prepare: async () => {
      const [url = ''] = urls;
      await post(url, 'bench/messages', messages(1));
      await post(url, 'bench/purge', {});
      for (let i = 0; i < PRELOADED; i += 10_000) {
        await Promise.all(Array.from({ length: 10 }, () => post(url, 'bench/messages', messages(1_000))));
      }
    },
    measure: async (load, seconds) => {
      let received = 0;
      const measured = await closedLoop(load, seconds, async (worker) => {
        const url = urls[worker % urls.length] ?? '';
        const got = await post<Received>(url, 'bench/receive', { max: batch });
        if (got.messages.length === 0) throw new Error('The queue ran empty: preload more.');
        await post(url, 'bench/ack', { receipts: got.messages.map(({ receipt }) => receipt) });
        received += got.messages.length;
      });
      const perOperation = received === 0 ? 0 : batch;
      return { ...measured, operations: measured.operations * perOperation };
    },
  }));

export default benchmark({
  question: 'How many messages of 200 bytes can be received and acked a second from a full queue?',
  unit: 'messages/s',
  loads: [1, 16],
  seconds: 1,
  contestants: [consumer(1), consumer(100)],
  caveats: ['An operation is a receive and an ack.'],
});
