import { setTimeout as sleep } from 'node:timers/promises';
import { FaultCluster, type Site } from '../core/fault-cluster.js';
import { FAULTS, type FaultName } from '../core/faults.js';
import { History } from '../core/history.js';
import { Random } from '../core/random.js';
import { FaultsDidNotBite, type RunOptions, type RunReport } from '../core/suite.js';
import { check } from './checks.js';
import type { Input, Output } from './model.js';
import { client } from './traffic.js';

const CLIENTS = 8;
const KEYS = ['a', 'b', 'c', 'd'];
/** In one run each of these happens at least once, in an order that the seed decides. */
const NAMES: readonly FaultName[] = [
  'killNode',
  'freezeNode',
  'freezeRedis',
  'restartRedis',
  'cutConnections',
  'dropMessages',
  'cutSubscriptions',
  'forgetScripts',
];

/** Counters that must move, or the faults of a run did not bite; then it goes on for a while. */
const BITES: readonly string[] = ['forced_writes', 'fencings', 'repairs', 'uncacheable_fills'];
const MORE_MS = 20_000;

async function counters(cluster: FaultCluster): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { node, state } of cluster.sites) {
    if (state !== 'up') continue;
    const text = await fetch(`${node.url}/metrics`)
      .then((response) => response.text())
      .catch(() => '');
    for (const [, name = '', value] of text.matchAll(/^cache_(\w+)_total(?:\{[^}]*\})? (\d+)$/gm)) {
      sums[name] = (sums[name] ?? 0) + Number(value);
    }
  }
  return sums;
}

/** One node loses sight of Redis for longer than a lease, in a direction that the seed decides. */
async function isolate({ proxy }: Site, random: Random): Promise<void> {
  const directions = [['requests'], ['replies'], ['requests', 'replies']] as const;
  proxy.hold(...random.pick(directions));
  await sleep(random.int(1_100, 1_700));
  proxy.heal();
}

/** Clients that hop between nodes while one thing after the other goes wrong; then both checks. */
export async function randomRun({ seed, durationMs, dist, log }: RunOptions): Promise<RunReport> {
  const random = new Random(seed);
  // A Redis that keeps all that it acknowledged, or one that loses everything when it is killed.
  const durable = random.int(0, 1) === 1;
  const redisArgs = durable ? ['--appendfsync', 'always'] : [];
  await using cluster = await FaultCluster.start('cache', { dist, durable, redisArgs });
  const history = new History<Input, Output>();
  const stop = new AbortController();
  const clients = Array.from({ length: CLIENTS }, (_, id) =>
    client(id, () => cluster.urls, KEYS, history, random.fork(), stop.signal),
  );
  const seen: Record<string, number> = {};
  let losses = 0;
  const note = async () => {
    for (const [name, value] of Object.entries(await counters(cluster))) {
      seen[name] = Math.max(seen[name] ?? 0, value);
    }
  };
  const endsAt = performance.now() + durationMs;
  await sleep(1_200);
  const todo = [...NAMES, ...NAMES].sort(() => random.int(0, 1) - 0.5);
  const bitten = () => BITES.every((name) => (seen[name] ?? 0) > 0);
  const mayGoOn = () => performance.now() < endsAt || (!bitten() && performance.now() < endsAt + MORE_MS);
  for (let i = 0; mayGoOn(); i += 1) {
    log('fault: isolate');
    await isolate(random.pick(cluster.sites), random);
    const name = todo[i % todo.length] ?? 'freezeNode';
    log(`fault: ${name}`);
    await FAULTS[name](cluster, random);
    if (name === 'restartRedis' && !durable) losses += 1;
    await sleep(random.int(100, 400));
    await note();
  }
  await sleep(500);
  stop.abort();
  await Promise.all(clients);
  await note();
  const calls = history.operations;
  const reads = calls.filter(({ kind, outcome }) => kind === 'get' && outcome === 'ok');
  const near = reads.filter(({ output }) => output?.source === 'near').length;
  const counts = {
    operations: calls.length,
    reads: reads.length,
    near,
    unknown: history.count('unknown'),
    losses,
    ...seen,
  };
  log(JSON.stringify(counts));
  const violations = check(calls, losses > 0);
  if ((seen.stale_hits ?? 0) > 0) violations.push('an audit proved a near hit stale');
  const idle = BITES.filter((name) => !seen[name]).concat(
    near < 0.3 * reads.length || near === 0 ? ['near hits'] : [],
  );
  if (violations.length === 0 && idle.length > 0) {
    throw new FaultsDidNotBite(`The faults did not bite (${idle.join(', ')}): ${JSON.stringify(counts)}`);
  }
  return { violations, counts };
}
