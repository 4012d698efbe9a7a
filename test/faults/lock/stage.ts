import { setTimeout as sleep } from 'node:timers/promises';
import { describeLock } from '../../e2e/lock.calls.js';
import { FaultCluster } from '../core/fault-cluster.js';
import { Random } from '../core/random.js';
import type { RunOptions, RunReport } from '../core/suite.js';
import { faultsOf } from './checks.js';
import { LockClient, Record, type Wanted } from './client.js';

/** What a scenario uses: two nodes, clients that record their answers, and a place for complaints. */
export interface Stage {
  readonly cluster: FaultCluster;
  readonly one: { url: string };
  readonly two: { url: string };
  readonly random: Random;
  readonly record: Record;
  /** A client that calls both nodes, or one. */
  readonly client: (owner: string, node?: { url: string }) => LockClient;
  readonly complain: (what: string) => void;
}

/** A short story in which one rule matters. Returns when it is told; the model judges what the clients saw. */
export type Scenario = (stage: Stage) => Promise<void>;

/** Tells a story on a cluster of two nodes, and judges what the clients saw. */
export async function play(scenario: Scenario, cluster: FaultCluster, seed: number): Promise<RunReport> {
  const random = new Random(seed);
  const record = new Record();
  const [one, two] = cluster.sites.map((site) => ({ url: site.node.url })) as [
    { url: string },
    { url: string },
  ];
  const client = (owner: string, node?: { url: string }) =>
    new LockClient(owner, () => (node ? [node.url] : [one.url, two.url]), random.fork(), record);
  const complain = (what: string) => record.violations.push(what);
  await scenario({ cluster, one, two, random, record, client, complain });
  return { violations: [...record.violations, ...faultsOf(record.holds)], counts: { ...record.counts } };
}

/** Turns a story into a run on a cluster of its own. */
export const alone =
  (scenario: Scenario) =>
  async ({ seed, dist }: RunOptions): Promise<RunReport> => {
    await using cluster = await FaultCluster.start('lock', { dist, nodes: 2 });
    // Awaited here: the cluster is stopped when this returns.
    return await play(scenario, cluster, seed);
  };

const LONGEST_START_MS = 10_000;

/** A request for one lock. */
export const exclusive = (name: string, more: Partial<Wanted> = {}): Wanted => ({
  names: [name],
  mode: 'exclusive',
  ttlMs: 30_000,
  waitMs: 5_000,
  ...more,
});

/** Waits until so many wait for a name; not for ever, since a broken rule may keep them out. */
export async function waiters(stage: Stage, name: string, count: number): Promise<void> {
  const endsAt = performance.now() + LONGEST_START_MS;
  while ((await describeLock(stage.one, name)).waiters.length < count && performance.now() < endsAt) {
    await sleep(10);
  }
}
