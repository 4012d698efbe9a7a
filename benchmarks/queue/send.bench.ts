import { benchmark } from '../harness/index.js';
import { BODY, bullmq, messages, post, syncline } from './contestants.js';

export default benchmark({
  question: 'How many messages of 200 bytes can be sent a second, one by one?',
  unit: 'messages/s',
  loads: [1, 64],
  contestants: [
    syncline('Syncline, 3 nodes', (urls) => ({
      operation: async (worker) => {
        await post(urls[worker % urls.length] ?? '', 'bench/messages', messages(1));
      },
      prepare: async () => {
        await post(urls[0] ?? '', 'bench/messages', messages(1));
        await post(urls[0] ?? '', 'bench/purge', {});
      },
    })),
    bullmq('BullMQ', ({ queue }) => ({
      operation: async () => {
        await queue.add('job', BODY);
      },
      prepare: () => queue.obliterate({ force: true }),
    })),
  ],
  caveats: [
    'BullMQ is a library: its calls go straight to Redis. Ours pass an HTTP service on the same two processors.',
  ],
});
