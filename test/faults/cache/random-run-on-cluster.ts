import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisCluster } from '@syncline/testing';
import { FaultCluster } from '../core/fault-cluster.js';
import { History } from '../core/history.js';
import { Random } from '../core/random.js';
import { FaultsDidNotBite, type RunOptions, type RunReport } from '../core/suite.js';
import { check } from './checks.js';
import { type Answer, flush } from './client.js';
import type { Input, Output } from './model.js';
import { shardKeyOf } from './scenarios-on-cluster.js';
import { client } from './traffic.js';

const CLIENTS = 6;
const KEYS = ['a', 'b', 'c', 'd'];

type Fault = (cluster: FaultCluster<RedisCluster>, random: Random) => Promise<void>;

/** Faults of nodes, and of messages between them. */
const OF_NODES: readonly Fault[] = [
  async function freezeNode(cluster, random) {
    const site = random.pick(cluster.sites);
    cluster.freeze(site);
    await sleep(random.int(100, 3_500));
    cluster.thaw(site);
  },
  async function killNode(cluster, random) {
    const site = random.pick(cluster.sites);
    await cluster.kill(site);
    await cluster.revive(site);
  },
  async function loseHints(cluster, random) {
    const { proxy } = random.pick(cluster.sites);
    proxy.dropMessages = true;
    await sleep(random.int(500, 2_000));
    proxy.dropMessages = false;
  },
];

/** Faults of Redis, after each of which parts of the cache may be empty: that of one of the keys at least. */
const OF_REDIS: readonly Fault[] = [
  async function failOver({ redis }, random) {
    await redis.failOver(shardKeyOf(random.pick(KEYS)));
  },
  async function moveSlot({ redis }, random) {
    await redis.moveSlot(shardKeyOf(random.pick(KEYS)), () => sleep(random.int(0, 300)));
  },
  async function killPrimary({ redis, sites }, random) {
    const shard = shardKeyOf(random.pick(KEYS));
    const [primary, replica] = await Promise.all([redis.primaryOf(shard), redis.replicaOf(shard)]);
    await primary.kill();
    for (const { proxy } of sites) proxy.leadTo(replica.port);
    await redis.movedFrom(primary, shard);
    await primary.restart();
    await redis.inStep(shard);
  },
];

/** Removes all entries, which lie with several primaries, at some time of the faults. */
async function flushAll(
  { urls }: FaultCluster<RedisCluster>,
  history: History<Input, Output>,
  random: Random,
): Promise<void> {
  await sleep(random.int(0, 2_000));
  let called: Promise<Answer> | undefined;
  const send = () => (called ??= flush(random.pick(urls)).then(() => ({ outcome: 'ok' })));
  await Promise.all(
    KEYS.map((key) => history.record({ client: CLIENTS, kind: 'delete', input: { key } }, send)),
  );
}

/** Clients that hop between nodes while a Redis Cluster changes under them; then both checks. */
export async function randomRunOnCluster({ seed, durationMs, dist, log }: RunOptions): Promise<RunReport> {
  const random = new Random(seed);
  await using cluster = await FaultCluster.startOnCluster('cache', { dist });
  const history = new History<Input, Output>();
  const stop = new AbortController();
  const clients = Array.from({ length: CLIENTS }, (_, id) =>
    client(id, () => cluster.urls, KEYS, history, random.fork(), stop.signal),
  );
  const endsAt = performance.now() + durationMs;
  let losses = 0;
  await sleep(1_200);
  for (let i = 0; performance.now() < endsAt || losses < OF_REDIS.length; i += 1) {
    const ofNodes = OF_NODES[random.int(0, OF_NODES.length - 1)] as Fault;
    const ofRedis = OF_REDIS[(seed + i) % OF_REDIS.length] as Fault;
    log(`faults: ${ofNodes.name}, ${ofRedis.name}`);
    losses += 1;
    // To the register of each key that is a delete that nobody asked for.
    for (const key of KEYS) {
      const vanishing = { client: CLIENTS, kind: 'delete', input: { key } };
      await history.record(vanishing, async () => ({ outcome: 'unknown' }));
    }
    await Promise.all([
      ofNodes(cluster, random),
      ofRedis(cluster, random),
      flushAll(cluster, history, random),
    ]);
    await sleep(random.int(1_000, 2_000));
  }
  stop.abort();
  await Promise.all(clients);
  const calls = history.operations;
  const reads = calls.filter(({ kind, outcome }) => kind === 'get' && outcome === 'ok');
  const near = reads.filter(({ output }) => output?.source === 'near').length;
  const counts = {
    ...{ operations: calls.length, reads: reads.length, near, losses },
    unknown: history.count('unknown'),
  };
  log(JSON.stringify(counts));
  const violations = check(calls, false);
  if (violations.length === 0 && near < 0.2 * reads.length) {
    throw new FaultsDidNotBite(`Too few near hits: ${JSON.stringify(counts)}`);
  }
  return { violations, counts };
}
