import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultCluster } from '../core/fault-cluster.js';
import type { Random } from '../core/random.js';
import { LockClient, type Record, type Wanted } from './client.js';
import type { Hold } from './history.js';

const NAMES = ['n0', 'n1', 'n2'];
const CLIENTS = 10;

/** Clients that take, keep, renew, lose and release locks until the time is over. */
export async function traffic(
  cluster: FaultCluster,
  random: Random,
  record: Record,
  durationMs: number,
): Promise<void> {
  const endsAt = Date.now() + durationMs;
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, i) => {
      const own = random.fork();
      const client = new LockClient(`client-${i}`, () => cluster.urls, own, record);
      const past: Hold[] = [];
      while (Date.now() < endsAt) await visit(client, own, past);
    }),
  );
}

async function visit(client: LockClient, random: Random, past: Hold[]): Promise<void> {
  const wanted: Wanted = {
    names: random.chance(15)
      ? [random.pick(NAMES), random.pick(NAMES)].filter((name, i, all) => all.indexOf(name) === i)
      : [random.pick(NAMES)],
    mode: random.chance(30) ? 'shared' : 'exclusive',
    ttlMs: random.int(400, 2_000),
    waitMs: random.chance(15) ? 0 : random.int(200, 3_000),
  };
  const disconnect = new AbortController();
  const impatience = random.chance(8) ? setTimeout(() => disconnect.abort(), random.int(1, 200)) : undefined;
  const holds = await client.acquire(wanted, undefined, disconnect.signal);
  clearTimeout(impatience);
  if (random.chance(10) && past.length > 0) await client.releaseStale(random.pick(past));
  if (holds === null) {
    await sleep(random.int(1, 20));
    return;
  }
  await sleep(random.int(0, 40));
  if (random.chance(25)) await client.renew(holds, random.int(400, 1_500));
  // Some forget to release: the end of the lease has to do.
  if (random.chance(5)) return;
  await client.release(holds);
  past.push(...holds);
  if (past.length > 50) past.splice(0, 25);
}

/** When all is calm again every lock can be had: nothing dead or forgotten holds it for longer than its lease. */
export async function everyLockIsFree(
  cluster: FaultCluster,
  random: Random,
  record: Record,
): Promise<string[]> {
  const client = new LockClient('last', () => cluster.urls, random, record);
  const faults: string[] = [];
  await Promise.all(
    NAMES.map(async (name) => {
      const holds = await client.acquire({ names: [name], mode: 'exclusive', ttlMs: 1_000, waitMs: 6_000 });
      if (holds === null) faults.push(`L4: ${name} could not be had in 6 s after all faults were over`);
      else await client.release(holds);
    }),
  );
  return faults;
}
