// One large queue: 10^6 messages ready, 2 * 10^5 in flight, 10^5 delayed, 10^5 groups. Does any operation slow down,
// and how much memory does a message take? Run: npx tsx benchmarks/queue/scale.ts
import { RedisServer, startNodes, stopAll } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { BODY, post, type Received } from './contestants.js';

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
try {
  const urls = nodes.map(({ url }) => url);
  const at = (i: number) => urls[i % urls.length] ?? '';
  const used = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
  const fill = async (count: number, message: (i: number) => object) => {
    const before = await used();
    let next = 0;
    const work = async (worker: number) => {
      while (next < count) {
        const from = next;
        next += 1_000;
        const batch = Array.from({ length: 1_000 }, (_, i) => message(from + i));
        await post(at(worker), 'large/messages', { messages: batch });
      }
    };
    await Promise.all([0, 1, 2, 3].map(work));
    return ((await used()) - before) / count;
  };

  await post(at(0), 'large/messages', { messages: [{ body: BODY }] });
  const ready = await fill(READY + IN_FLIGHT, () => ({ body: BODY }));
  const beforeFlight = await used();
  for (let i = 0; i < IN_FLIGHT; i += 1_000) {
    await post(at(i), 'large/receive', { max: 1_000, visibilityTimeoutMs: HOUR_MS });
  }
  const flight = ((await used()) - beforeFlight) / IN_FLIGHT;
  const delayed = await fill(DELAYED, () => ({ body: BODY, delayMs: HOUR_MS }));
  const grouped = await fill(GROUPS, (i) => ({ body: BODY, groupId: `group-${i}`, priority: i % 10 }));
  console.log('Memory per message over its body of 200 bytes, allocator included:');
  console.log(`  ready ${Math.round(ready - 200)}, in flight ${Math.round(ready + flight - 200)}, `);
  console.log(
    `  delayed ${Math.round(delayed - 200)}, ready with a group of its own ${Math.round(grouped - 200)} bytes`,
  );
  const described = (await (await fetch(`${at(0)}/v1/queues/large`)).json()) as { stats: object };
  console.log(JSON.stringify(described.stats));

  console.log(`\nTime in Redis of ${CALLS} calls each, on the full queue:`);
  await client.config('SET', 'slowlog-log-slower-than', SLOWER_THAN_US);
  const receipts: string[] = [];
  const measure = async (name: string, call: (i: number) => Promise<unknown>) => {
    await client.config('RESETSTAT');
    await client.call('LATENCY', 'RESET');
    await client.call('SLOWLOG', 'RESET');
    for (let i = 0; i < CALLS; i += 8) await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((j) => call(i + j)));
    const slow = Number(await client.call('SLOWLOG', 'LEN'));
    console.log(`  ${name.padEnd(22)} ${await percentiles(client)}; over 1 ms: ${slow}`);
  };
  await measure('send 1', (i) => post(at(i), 'large/messages', { messages: [{ body: BODY }] }));
  await measure('send 1, delayed', (i) =>
    post(at(i), 'large/messages', { messages: [{ body: BODY, delayMs: HOUR_MS }] }),
  );
  await measure('send 1, to a group', (i) =>
    post(at(i), 'large/messages', { messages: [{ body: BODY, groupId: `group-${i}` }] }),
  );
  await measure('receive 1', async (i) => {
    const got = await post<Received>(at(i), 'large/receive', { visibilityTimeoutMs: HOUR_MS });
    receipts.push(...got.messages.map(({ receipt }) => receipt));
  });
  await measure('extend 1', (i) =>
    post(at(i), 'large/extend', { receipts: [receipts[i]], visibilityTimeoutMs: 2 * HOUR_MS }),
  );
  await measure('nack 1', (i) =>
    i % 2 ? post(at(i), 'large/nack', { receipts: [receipts[i]] }) : Promise.resolve(),
  );
  await measure('ack 1', (i) =>
    i % 2 ? Promise.resolve() : post(at(i), 'large/ack', { receipts: [receipts[i]] }),
  );
  await measure('stats', (i) => fetch(`${at(i)}/v1/queues/large`).then((answer) => answer.json()));
  const startedAt = performance.now();
  await post(at(0), 'large/purge', {});
  console.log(`  purge of everything: answered in ${Math.round(performance.now() - startedAt)} ms`);
} finally {
  client.disconnect();
  await stopAll(nodes);
  await redis.stop();
}

/** Of all scripts since the last reset, from Redis' own figures. */
async function percentiles(client: Redis): Promise<string> {
  const stats = await client.info('latencystats');
  return /latency_percentiles_usec_evalsha:(.*)/.exec(stats)?.[1]?.trim() ?? 'no figures';
}
