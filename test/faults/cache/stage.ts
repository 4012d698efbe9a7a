import { eventually, type RedisCluster, type RedisServer } from '@syncline/testing';
import { FaultCluster, type Site } from '../core/fault-cluster.js';
import { History } from '../core/history.js';
import { Random } from '../core/random.js';
import type { RunOptions, RunReport } from '../core/suite.js';
import { check } from './checks.js';
import { type Answer, get, invalidate, put } from './client.js';
import type { Input, Output } from './model.js';

type AnyRedis = RedisServer | RedisCluster;
export type Scenario<Redis extends AnyRedis = AnyRedis> = (
  cluster: FaultCluster<Redis>,
  observed: Observed,
  random: Random,
) => Promise<void>;

/** What a scenario saw of one key, for the same checks as the random run. */
export class Observed {
  readonly history = new History<Input, Output>();
  lost = false;

  get(site: Site, key = 'k') {
    const call = { client: 0, kind: 'get', input: { key } };
    return this.history.record(call, () => get(site.node.url, key));
  }

  put(site: Site, value: string, key = 'k', tags: readonly string[] = []) {
    const input = { key, value, tags };
    return this.history.record({ client: 1, kind: 'put', input }, () => put(site.node.url, input));
  }

  /** Invalidates a tag that the keys were stored with, or a prefix of them. */
  async invalidate(site: Site, what: Parameters<typeof invalidate>[1], ...keys: readonly string[]) {
    let called: ReturnType<typeof invalidate> | undefined;
    const send = () => (called ??= invalidate(site.node.url, what));
    const deletes = keys.map((key) =>
      this.history.record({ client: 1, kind: 'delete', input: { key } }, send),
    );
    return (await Promise.all(deletes))[0] as Answer;
  }

  /** From now on the cache may evict `key`, once: to the register that is a delete that nobody asked for. */
  mayVanish(key = 'k') {
    const call = { client: 2, kind: 'delete', input: { key } };
    return this.history.record(call, async () => ({ outcome: 'unknown' as const }));
  }

  /** Reads several times at once. */
  async look(site: Site, key = 'k'): Promise<void> {
    await Promise.all(Array.from({ length: 4 }, () => this.get(site, key)));
  }

  /** Reads until the node answers from its near cache. */
  async cached(site: Site, key = 'k'): Promise<void> {
    await eventually(async () => expect((await this.get(site, key)).output?.source).toBe('near'));
  }
}

/** Runs a scenario and checks what it saw. */
export async function play<Redis extends AnyRedis>(
  scenario: Scenario<Redis>,
  cluster: FaultCluster<Redis>,
  seed: number,
): Promise<RunReport> {
  const observed = new Observed();
  await scenario(cluster, observed, new Random(seed));
  const calls = observed.history.operations;
  return { violations: check(calls, observed.lost), counts: { operations: calls.length } };
}

/** Turns a scenario into a run on three nodes of its own: shorter than chance, for one rule at a time. */
export const alone =
  (scenario: Scenario<RedisServer>) =>
  async ({ seed, dist }: RunOptions): Promise<RunReport> => {
    await using cluster = await FaultCluster.start('cache', { dist });
    // Awaited here: the cluster is stopped when this function returns.
    return await play(scenario, cluster, seed);
  };

/** The same on a Redis Cluster. */
export const aloneOnCluster =
  (scenario: Scenario<RedisCluster>) =>
  async ({ seed, dist }: RunOptions): Promise<RunReport> => {
    await using cluster = await FaultCluster.startOnCluster('cache', { dist });
    return await play(scenario, cluster, seed);
  };

type Three = readonly [Site, Site, Site];
export const three = (cluster: FaultCluster<AnyRedis>) => cluster.sites as unknown as Three;
