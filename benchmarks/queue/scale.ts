// One large queue: 10^6 messages ready, 2 * 10^5 in flight, 10^5 delayed, 10^5 groups. Does any operation slow down,
// and how much memory does a message take? Run: npx tsx benchmarks/queue/scale.ts
import { QueueClient, type SendOptions } from '@syncline/client';
import { RedisServer, startNodes, stopAll } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { BODY, memoryOf } from './broker.js';

const READY = 1_000_000;
const IN_FLIGHT = 200_000;
const DELAYED = 100_000;
const GROUPS = 100_000;
const HOUR_MS = 3_600_000;
const CALLS = 5_000;
const SLOWER_THAN_US = 1_000;

const redis = await RedisServer.start({ durable: true });
const nodes = await startNodes('queue', 2, { redisUrl: redis.url });
const client = redis.connect();
const queues = new QueueClient({ urls: nodes.map(({ url }) => url) });
const queue = queues.queue<string>('large');
try {
  const fill = async (count: number, options: (i: number) => SendOptions) => {
    const before = await memoryOf(client);
    for (let from = 0; from < count; from += 1_000) {
      await Promise.all(Array.from({ length: 1_000 }, (_, i) => queue.send(BODY, options(from + i))));
    }
    return ((await memoryOf(client)) - before) / count;
  };

  await queue.send(BODY);
  const empty = await memoryOf(client);
  console.log('Filling the queue ...');
  const ready = await fill(READY + IN_FLIGHT, () => ({}));
  const beforeFlight = await memoryOf(client);
  for (let i = 0; i < IN_FLIGHT; i += 1_000) {
    await queue.receive({ max: 1_000, visibilityTimeoutMs: HOUR_MS });
  }
  const flight = ((await memoryOf(client)) - beforeFlight) / IN_FLIGHT;
  const delayed = await fill(DELAYED, () => ({ delayMs: HOUR_MS }));
  const grouped = await fill(GROUPS, (i) => ({ groupId: `group-${i}`, priority: i % 10 }));
  const over = (bytes: number) => Math.round(bytes - BODY.length);
  console.log(`Memory per message over its body of ${BODY.length} bytes, allocator included:`);
  console.log(`  ready ${over(ready)}, in flight ${over(ready + flight)}, delayed ${over(delayed)},`);
  const all = ((await memoryOf(client)) - empty) / (READY + IN_FLIGHT + DELAYED + GROUPS);
  console.log(`  ready with a group of its own ${over(grouped)}; all of them on average ${over(all)} bytes`);
  console.log(JSON.stringify((await queue.inspect()).stats));

  console.log(`\nTime in Redis of ${CALLS} calls each, on the full queue:`);
  await client.config('SET', 'slowlog-log-slower-than', SLOWER_THAN_US);
  const measure = async (name: string, call: (i: number) => Promise<unknown>) => {
    await client.config('RESETSTAT');
    await client.call('SLOWLOG', 'RESET');
    // One after the other: what is called at once would travel in one request.
    for (let i = 0; i < CALLS; i += 1) await call(i);
    const slow = Number(await client.call('SLOWLOG', 'LEN'));
    console.log(`  ${name.padEnd(22)} ${await percentiles(client)}; over 1 ms: ${slow}`);
  };
  await measure('send 1', () => queue.send(BODY));
  await measure('send 1, delayed', () => queue.send(BODY, { delayMs: HOUR_MS }));
  await measure('send 1, to a group', (i) => queue.send(BODY, { groupId: `group-${i}` }));
  const receipts: string[] = [];
  await measure('receive 1', async () => {
    const [message] = await queue.receive({ visibilityTimeoutMs: HOUR_MS });
    if (message === undefined) throw new Error('The queue gave nothing.');
    receipts.push(message.receipt);
  });
  const receipt = (i: number) => receipts[i] ?? '';
  await measure('extend 1', (i) => queue.extend([receipt(i)], 2 * HOUR_MS));
  await measure('nack 1', (i) => (i % 2 ? queue.nack([receipt(i)]) : Promise.resolve()));
  await measure('ack 1', (i) => (i % 2 ? Promise.resolve() : queue.ack(receipt(i))));
  await measure('stats', () => queue.inspect());
  const startedAt = performance.now();
  await queue.purge();
  console.log(`  purge of everything: answered in ${Math.round(performance.now() - startedAt)} ms`);
} finally {
  await queues.close();
  client.disconnect();
  await stopAll(nodes);
  await redis.stop();
}

/** Of all scripts since the last reset, from Redis' own figures. */
async function percentiles(client: Redis): Promise<string> {
  const stats = await client.info('latencystats');
  return /latency_percentiles_usec_evalsha:(.*)/.exec(stats)?.[1]?.trim() ?? 'no figures';
}
