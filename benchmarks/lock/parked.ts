import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';

/**
 * What waiting costs: parks many requests on one node and tells its memory, and what it and Redis do meanwhile.
 *
 *     npx tsx benchmarks/lock/parked.ts --waiters 10000 --names 100 --seconds 10
 */
const { values } = parseArgs({
  options: {
    waiters: { type: 'string', default: '10000' },
    names: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '10' },
  },
});
const waiters = Number(values.waiters);
const names = Number(values.names);
const seconds = Number(values.seconds);
const WAIT_MS = 600_000;
/** Requests that come at once. */
const BATCH = 250;

await using redis = await RedisServer.start();
const node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
const agent = new Agent({ keepAlive: true });
const client = redis.connect();

function post(path: string, body: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${node.url}/v1/locks/${path}`,
      { method: 'POST', agent, headers: { 'Content-Type': 'application/json' } },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => resolve(JSON.parse(text)));
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
}
const redisStat = async (section: string, name: string) =>
  Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(await client.info(section))?.[1]);
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

const idle = await metric('process_resident_memory_bytes');
const held: { leaseId: string }[] = [];
for (let i = 0; i < names; i += 1) {
  held.push((await post(`parked-${i}/acquire`, { owner: 'holder', ttlMs: WAIT_MS })) as { leaseId: string });
}
const parkedFrom = performance.now();
const parked: Promise<unknown>[] = [];
while (parked.length < waiters) {
  for (let i = 0; i < BATCH && parked.length < waiters; i += 1) {
    const n = parked.length;
    const body = { owner: `waiter-${n}`, waitMs: WAIT_MS };
    parked.push(post(`parked-${n % names}/acquire`, body).catch(() => null));
  }
  await eventually(async () => {
    if ((await client.hlen('syncline:lock:{0}:w')) < parked.length) throw new Error('not all are parked yet');
  }, 20_000);
}
console.log(
  `${waiters} requests parked on one node in ${((performance.now() - parkedFrom) / 1_000).toFixed(1)} s`,
);

await sleep(2_000);
const [cpu, commands, redisCpu] = [
  await metric('process_cpu_seconds_total'),
  await redisStat('stats', 'total_commands_processed'),
  await redisStat('cpu', 'used_cpu_user'),
];
await sleep(seconds * 1_000);
const perSecond = (before: number, after: number) => (after - before) / seconds;
console.log(
  `node memory ${mebibytes(await metric('process_resident_memory_bytes'))} (idle ${mebibytes(idle)})`,
);
console.log(
  `node processor ${(100 * perSecond(cpu, await metric('process_cpu_seconds_total'))).toFixed(1)} % of a core`,
);
console.log(
  `Redis: ${perSecond(commands, await redisStat('stats', 'total_commands_processed')).toFixed(0)} commands/s, ` +
    `processor ${(100 * perSecond(redisCpu, await redisStat('cpu', 'used_cpu_user'))).toFixed(1)} % of a core, ` +
    `memory ${mebibytes(await redisStat('memory', 'used_memory'))}`,
);

const releasedAt = performance.now();
await post('parked-0/release', { leaseId: held[0]?.leaseId });
await parked[0];
console.log(`hand-over with all of them parked: ${(performance.now() - releasedAt).toFixed(1)} ms`);

await node.kill();
agent.destroy();
client.disconnect();
await Promise.all(parked);
