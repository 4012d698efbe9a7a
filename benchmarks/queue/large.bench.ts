import { QueueClient, type SendOptions } from '@syncline/client';
import type { Redis } from 'ioredis';
import { benchmark, type Contestant, Latencies } from '../harness/index.js';
import { BODY, memoryOf } from './broker.js';

const HOUR_MS = 3_600_000;
const PORTION = 1_000;

/** What a queue holds before it is measured. */
interface Content {
  readonly ready: number;
  readonly inFlight: number;
  readonly delayed: number;
  /** Ready as well, each in a group of its own. */
  readonly groups: number;
}
const NEARLY_EMPTY: Content = { ready: 1_000, inFlight: 1_000, delayed: 1_000, groups: 1_000 };
const LARGE: Content = { ready: 1_000_000, inFlight: 200_000, delayed: 100_000, groups: 100_000 };

/** Median and 99th percentile of the scripts since the statistics were reset, microseconds. */
async function scriptTimes(redis: Redis): Promise<{ median: number; p99: number }> {
  const stats = await redis.info('latencystats');
  const [, median, p99] = /usec_fcall:p50=([\d.]+),p99=([\d.]+)/.exec(stats) ?? [];
  return { median: Number(median), p99: Number(p99) };
}

const queueWith = (name: string, content: Content): Contestant => ({
  name,
  start: async (stage) => {
    const server = await stage.redis();
    const queues = new QueueClient({ urls: await stage.nodes('queue', 1, server) });
    const queue = queues.queue<string>('large');
    const redis = server.connect();

    const send = async (count: number, options: (i: number) => SendOptions) => {
      for (let sent = 0; sent < count; sent += PORTION) {
        await Promise.all(Array.from({ length: PORTION }, (_, i) => queue.send(BODY, options(sent + i))));
      }
    };
    await queue.send(BODY);
    const before = await memoryOf(redis);
    await send(content.ready + content.inFlight, () => ({}));
    for (let taken = 0; taken < content.inFlight; taken += PORTION) {
      await queue.receive({ max: PORTION, visibilityTimeoutMs: HOUR_MS });
    }
    await send(content.delayed, () => ({ delayMs: HOUR_MS }));
    await send(content.groups, (i) => ({ groupId: `group-${i}`, priority: i % 10 }));
    const messages = content.ready + content.inFlight + content.delayed + content.groups;
    const bytesOver = ((await memoryOf(redis)) - before) / messages - BODY.length;

    const receipts: string[] = [];
    const calls: Readonly<Record<string, (i: number) => Promise<unknown>>> = {
      send: () => queue.send(BODY),
      'send delayed': () => queue.send(BODY, { delayMs: HOUR_MS }),
      'send to a group': (i) => queue.send(BODY, { groupId: `group-${i % PORTION}` }),
      receive: async () => {
        const [message] = await queue.receive({ visibilityTimeoutMs: HOUR_MS });
        if (message === undefined) throw new Error('The queue gave nothing.');
        receipts.push(message.receipt);
      },
      extend: (i) => queue.extend([receipts[i % receipts.length] ?? ''], 2 * HOUR_MS),
      acknowledge: () => queue.ack(receipts.pop() ?? ''),
      inspect: () => queue.inspect(),
    };
    return {
      // One after the other: what is called at once would travel in one request.
      measure: async (_, seconds) => {
        const latencies = new Latencies();
        const figures: Record<string, number> = { 'bytes over a body': bytesOver };
        let operations = 0;
        const startedAt = performance.now();
        for (const [call, work] of Object.entries(calls)) {
          await redis.config('RESETSTAT');
          const until = performance.now() + (seconds * 1_000) / Object.keys(calls).length;
          for (let i = 0, from = performance.now(); from < until; i += 1) {
            // As many are acknowledged as were received.
            if (call === 'acknowledge' && receipts.length === 0) break;
            await work(i);
            const now = performance.now();
            latencies.record(now - from);
            from = now;
            operations += 1;
          }
          const { median, p99 } = await scriptTimes(redis);
          figures[`${call}, script us`] = median;
          figures[`${call}, script p99 us`] = p99;
        }
        return { operations, seconds: (performance.now() - startedAt) / 1_000, latencies, figures };
      },
      stop: async () => {
        redis.disconnect();
        await queues.close();
      },
    };
  },
});

export default benchmark({
  question:
    'Does a queue of more than a million messages slow any call down, and what memory does a message take?',
  unit: 'calls/s',
  rounds: 3,
  seconds: 14,
  contestants: [queueWith('4,000 messages', NEARLY_EMPTY), queueWith('1,400,000 messages', LARGE)],
  caveats: [
    'Large: 1,000,000 ready, 200,000 in flight, 100,000 delayed, 100,000 in groups of their own. Read the times of the scripts, as Redis tells them: nothing but what a call does in Redis.',
    'Calls come one after the other, each for a seventh of the time; the latencies are those of all of them, through the client and one node.',
    'Bytes over a body: memory of Redis for all messages, less their bodies, allocator included. A few messages share the fixed cost of a queue.',
  ],
});
