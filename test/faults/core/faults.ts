import { setTimeout as sleep } from 'node:timers/promises';
import type { Direction } from '@syncline/testing';
import type { FaultCluster } from './fault-cluster.js';
import type { Random } from './random.js';

/** A temporary fault. It repairs everything that it broke before it returns. */
export type Fault = (cluster: FaultCluster, random: Random) => Promise<void>;

const LONG_ENOUGH_TO_BE_REAPED_MS = 3_500;

async function killNode(cluster: FaultCluster, random: Random): Promise<void> {
  const site = random.pick(cluster.sites);
  await cluster.kill(site);
  await sleep(random.int(50, 1_500));
  await cluster.revive(site);
}

async function freezeNode(cluster: FaultCluster, random: Random): Promise<void> {
  const site = random.pick(cluster.sites);
  cluster.freeze(site);
  await sleep(random.int(100, LONG_ENOUGH_TO_BE_REAPED_MS));
  cluster.thaw(site);
}

async function freezeRedis(cluster: FaultCluster, random: Random): Promise<void> {
  cluster.redis.freeze();
  await sleep(random.int(50, 1_500));
  cluster.redis.thaw();
}

/** Only for a durable Redis, which must keep acknowledged writes. */
async function restartRedis(cluster: FaultCluster, random: Random): Promise<void> {
  await cluster.redis.kill();
  await sleep(random.int(10, 500));
  await cluster.redis.restart();
}

async function cutConnections(cluster: FaultCluster, random: Random): Promise<void> {
  random.pick(cluster.sites).proxy.cut();
}

/** Cuts one node off from Redis for a while, in one direction or both; clients still reach the node. */
async function holdCable(cluster: FaultCluster, random: Random): Promise<void> {
  const { proxy } = random.pick(cluster.sites);
  const directions: Direction[][] = [['requests'], ['replies'], ['requests', 'replies']];
  proxy.hold(...random.pick(directions));
  await sleep(random.int(100, LONG_ENOUGH_TO_BE_REAPED_MS));
  proxy.heal();
}

async function dropReplies(cluster: FaultCluster, random: Random): Promise<void> {
  const { proxy } = random.pick(cluster.sites);
  proxy.drop('replies');
  await sleep(random.int(50, 1_000));
  proxy.heal();
}

async function dropMessages(cluster: FaultCluster, random: Random): Promise<void> {
  for (const { proxy } of cluster.sites) proxy.dropMessages = true;
  await sleep(random.int(500, 3_000));
  for (const { proxy } of cluster.sites) proxy.dropMessages = false;
}

async function cutSubscriptions(cluster: FaultCluster): Promise<void> {
  const redis = cluster.redis.connect();
  try {
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  } finally {
    redis.disconnect();
  }
}

async function forgetScripts(cluster: FaultCluster): Promise<void> {
  const redis = cluster.redis.connect();
  try {
    await redis.script('FLUSH');
    await redis.function('FLUSH');
  } finally {
    redis.disconnect();
  }
}

/** All faults that a suite can use. */
export const FAULTS = {
  killNode,
  freezeNode,
  freezeRedis,
  restartRedis,
  cutConnections,
  holdCable,
  dropReplies,
  dropMessages,
  cutSubscriptions,
  forgetScripts,
} as const satisfies Record<string, Fault>;
export type FaultName = keyof typeof FAULTS;

/**
 * Runs one fault after the other until the time is over, with pauses of 100 to 800 ms.
 *
 * @returns the number of times that each fault happened
 */
export async function inflict(
  cluster: FaultCluster,
  options: { names: readonly FaultName[]; random: Random; durationMs: number; log: (line: string) => void },
): Promise<Partial<Record<FaultName, number>>> {
  const { names, random, durationMs, log } = options;
  const counts: Partial<Record<FaultName, number>> = {};
  const endsAt = performance.now() + durationMs;
  while (performance.now() < endsAt) {
    await sleep(random.int(100, 800));
    const name = random.pick(names);
    log(`fault: ${name}`);
    await FAULTS[name](cluster, random);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
