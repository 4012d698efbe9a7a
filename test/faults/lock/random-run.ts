import { setTimeout as sleep } from 'node:timers/promises';
import { FaultCluster } from '../core/fault-cluster.js';
import { type FaultName, inflict } from '../core/faults.js';
import { Random } from '../core/random.js';
import { FaultsDidNotBite, type RunOptions, type RunReport } from '../core/suite.js';
import { faultsOf } from './checks.js';
import { Record } from './client.js';
import { everyLockIsFree, traffic } from './traffic.js';

const FAULTS: FaultName[] = [
  'killNode',
  'freezeNode',
  'freezeRedis',
  'restartRedis',
  'cutConnections',
  'holdCable',
  'dropReplies',
  'dropMessages',
  'cutSubscriptions',
  'forgetScripts',
];
/** With `everysec` Redis may answer before it has written: a kill -9 can then lose what was acknowledged. */
const EVERY_WRITE = ['--appendfsync', 'always'];
/** Fewer grants than this prove nothing. */
const LEAST_GRANTS = 50;
const FORGOTTEN_WITHIN_MS = 6_000;

/** Clients of all kinds on three nodes while everything goes wrong; then calm, and every check. */
export async function randomRun({ seed, durationMs, dist, log }: RunOptions): Promise<RunReport> {
  const random = new Random(seed);
  const record = new Record();
  await using cluster = await FaultCluster.start('lock', { dist, durable: true, redisArgs: EVERY_WRITE });
  const faults = inflict(cluster, { names: FAULTS, random: random.fork(), durationMs, log });
  await traffic(cluster, random.fork(), record, durationMs);
  const bitten = await faults;
  const stuck = await everyLockIsFree(cluster, random.fork(), record);
  const left = await leftBehind(cluster);
  if (Object.keys(bitten).length === 0 || record.holds.length < LEAST_GRANTS) {
    throw new FaultsDidNotBite(
      `The run proves nothing: ${record.holds.length} grants, faults ${JSON.stringify(bitten)}.`,
    );
  }
  return {
    violations: [...record.violations, ...faultsOf(record.holds), ...stuck, ...left],
    counts: { grants: record.holds.length, ...record.counts, ...bitten },
  };
}

/** Names that nobody uses keep nothing in Redis but what is forgotten by itself. */
async function leftBehind(cluster: FaultCluster): Promise<string[]> {
  const redis = cluster.redis.connect();
  try {
    const deadline = Date.now() + FORGOTTEN_WITHIN_MS;
    for (;;) {
      const keys = (await redis.keys('syncline:lock:*')).filter(
        (key) => !/:(nodes|clock|instance|pulse)$/.test(key),
      );
      const ttls = await Promise.all(keys.map((key) => redis.pttl(key)));
      const kept = keys.filter((_, i) => ttls[i] === -1);
      if (kept.length === 0) return [];
      if (Date.now() > deadline) return [`Left in Redis for ever: ${kept.join(' ')}`];
      await sleep(200);
    }
  } finally {
    redis.disconnect();
  }
}
