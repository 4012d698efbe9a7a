import { CacheClient } from '@syncline/client';
import { type NodeProcess, startNodes, stopAll } from '@syncline/testing';
import { benchmark, type Contestant, Latencies } from '../harness/index.js';

const STRIKE_AFTER_MS = 300;

/**
 * Writes one key again and again through one node, while another one, which holds it, is struck down. The writer waits
 * until it is certain that nobody is served the old value from there any more.
 */
const contestant = (name: string, strike: (node: NodeProcess) => unknown): Contestant => ({
  name,
  start: async (stage) => {
    const redis = await stage.redis();
    return {
      measure: async (_load, seconds) => {
        const latencies = new Latencies();
        const nodes = await startNodes('cache', 2, { redisUrl: redis.url });
        const clients = nodes.map(({ url }) => new CacheClient({ urls: [url] }));
        const [writer, reader] = clients.map((client) => client.cache<number>('bench'));
        const [, holder] = nodes;
        if (!writer || !reader || !holder) throw new Error('Two nodes were to start.');
        try {
          await writer.set('k', 0);
          await reader.get('k');
          const startedAt = performance.now();
          let operations = 0;
          let struck: Promise<unknown> | undefined;
          for (let sentAt = startedAt; sentAt < startedAt + seconds * 1_000; sentAt = performance.now()) {
            if (struck === undefined && sentAt > startedAt + STRIKE_AFTER_MS) {
              await reader.get('k');
              struck = Promise.resolve(strike(holder));
              continue;
            }
            await writer.set('k', operations);
            latencies.record(performance.now() - sentAt);
            operations += 1;
          }
          await struck;
          return { operations, seconds, latencies };
        } finally {
          await Promise.all(clients.map((client) => client.close()));
          await stopAll(nodes);
        }
      },
    };
  },
});

export default benchmark({
  question: 'How long is the longest write when a node that holds the key is killed, or freezes?',
  unit: 'writes/s',
  loadUnit: 'writer',
  rounds: 3,
  seconds: 5,
  contestants: [
    contestant('kill -9', (node) => node.kill()),
    contestant('SIGSTOP', (node) => node.freeze()),
    contestant('SIGTERM', (node) => node.stop()),
  ],
  caveats: [
    'Read the longest latency. A node that leaves by itself (SIGTERM) is not waited for; one that is killed or frozen is, until its lease has run out.',
  ],
});
