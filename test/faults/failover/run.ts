import { setTimeout as sleep } from 'node:timers/promises';
import type { Durability } from '@syncline/contracts';
import { eventually, RedisReplication, startNodes, stopAll } from '@syncline/testing';
import { Random } from '../core/random.js';
import { FaultsDidNotBite, type RunOptions, type RunReport } from '../core/suite.js';
import { History } from './history.js';
import { Traffic } from './traffic.js';

const REPLICAS = 2;
const NODES = 2;
/** How many calls must be answered between two failovers. */
const LEAST_ANSWERED = 20;

/**
 * Failovers, one after the other: replicas lag, the primary is killed, and the best replica takes its place, while clients send,
 * receive and take locks. All that they were told must hold.
 *
 * @throws FaultsDidNotBite when there was no failover in time
 */
export async function failOver(
  level: Durability,
  { seed, durationMs, dist, log }: RunOptions,
): Promise<RunReport> {
  const random = new Random(seed);
  const history = new History();
  const { counts, violations } = history;
  await using redis = await RedisReplication.start({ replicas: REPLICAS });
  const options = { redisUrl: redis.url, env: { LOCK_DURABILITY: level } };
  const [queues, locks] = await Promise.all([
    startNodes('queue', NODES, { ...options, dist }),
    startNodes('lock', NODES, options),
  ]);
  try {
    const urls = { queue: queues.map(({ url }) => url), lock: locks.map(({ url }) => url) };
    const traffic = new Traffic(urls, random.fork(), history);
    await traffic.start(level);
    const endsAt = performance.now() + durationMs;
    while (performance.now() < endsAt) {
      await goesOn(history);
      const lagging = redis.replicas.filter(() => level === 'local' || random.chance(60));
      for (const { cable } of lagging) cable.hold('replies');
      await sleep(random.int(20, 200));
      // At local all of them lag, and calls are answered meanwhile: what these did is lost then for certain.
      if (level === 'local') await goesOn(history);
      await redis.failover();
      counts.failovers += 1;
      log(`failover ${counts.failovers}, ${lagging.length} replicas lagged`);
    }
    await traffic.finish();
  } finally {
    await stopAll([...queues, ...locks]);
  }
  if (counts.failovers === 0) throw new FaultsDidNotBite('There was no failover.');
  return { violations, counts };
}

async function goesOn(history: History): Promise<void> {
  const before = history.answered;
  await eventually(() => {
    if (history.answered < before + LEAST_ANSWERED) throw new Error('The traffic stands still.');
  });
}
