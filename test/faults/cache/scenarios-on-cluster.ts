import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type RedisCluster } from '@syncline/testing';
import { LEASE_MS, REST_AFTER_MS } from '../../../libs/caches/src/coherence/coherence.rules.js';
import { Shards } from '../../../libs/caches/src/redis/shards.js';
import type { Site } from '../core/fault-cluster.js';
import { type Observed, type Scenario, three } from './stage.js';

/** A key of the shard that an entry of the cache of the scenarios lies in. */
export const shardKeyOf = (key: string) => new Shards({ isCluster: true }).of('c', key).key;
const SHARD_KEY = shardKeyOf('k');

/** Lie with three primaries. */
const SPREAD = ['k', 'a', 'c', 'd'];

/** Writes, as soon as a write is possible. What the caller does not know the outcome of may have happened. */
const written = (observed: Observed, site: Site, value: string, key = 'k', tags: readonly string[] = []) =>
  eventually(async () => expect((await observed.put(site, value, key, tags)).outcome).toBe('ok'), 30_000);

/** Reads through a node until `act` is over. */
async function readWhile(
  observed: Observed,
  site: Site,
  act: () => Promise<unknown>,
  keys: readonly string[] = ['k'],
): Promise<void> {
  let over = false;
  const reads = (async () => {
    while (!over) for (const key of keys) await observed.get(site, key);
  })();
  try {
    await act();
  } finally {
    over = true;
    await reads;
  }
}

/** A replica takes over while a node holds an entry; the next write, through another node, comes as soon as it can. */
export const failedOver: Scenario<RedisCluster> = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await written(observed, b, 'old');
  await observed.cached(a);
  await observed.mayVanish();
  await readWhile(observed, a, async () => {
    await cluster.redis.failOver(SHARD_KEY);
    await written(observed, b, 'new');
    await observed.look(a);
  });
  await observed.cached(a);
};

/** The slot moves while a node holds an entry. */
export const slotMoved: Scenario<RedisCluster> = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await written(observed, b, 'old');
  await observed.cached(a);
  await observed.mayVanish();
  await readWhile(observed, a, async () => {
    await cluster.redis.moveSlot(SHARD_KEY, async () => {
      expect((await observed.put(b, 'refused')).outcome).not.toBe('ok');
    });
    await written(observed, b, 'new');
    await observed.look(a);
  });
  await observed.cached(a);
};

/** A node sleeps while the slot moves and the entry that it holds is written. */
export const asleepWhileMoved: Scenario<RedisCluster> = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await written(observed, b, 'old');
  await observed.cached(a);
  await observed.mayVanish();
  cluster.freeze(a);
  await cluster.redis.moveSlot(SHARD_KEY);
  await written(observed, b, 'new');
  cluster.thaw(a);
  await observed.look(a);
};

/** A primary dies whose replica lacks the last write, which was answered, and takes over. */
export const replicaBehind: Scenario<RedisCluster> = async (cluster, observed) => {
  const [a, b] = three(cluster);
  const { redis } = cluster;
  await written(observed, b, 'old');
  const [primary, replica] = await Promise.all([redis.primaryOf(SHARD_KEY), redis.replicaOf(SHARD_KEY)]);
  const client = primary.connect();
  await client.wait(1, 0);
  replica.freeze();
  // What is sent to a process that is frozen waits for it: nothing may be sent.
  await client.call('CLIENT', 'KILL', 'TYPE', 'replica');
  client.disconnect();
  await observed.put(b, 'newer');
  await observed.cached(a);
  await observed.mayVanish();
  await primary.kill();
  replica.thaw();
  // Who is published at a primary that is gone hears nothing.
  for (const { proxy } of cluster.sites) proxy.leadTo(replica.port);
  await redis.movedFrom(primary, SHARD_KEY);
  await eventually(async () => expect((await observed.get(b)).outcome).toBe('ok'), 30_000);
  await observed.look(a);
  await written(observed, b, 'newest');
  await observed.look(a);
  await observed.cached(a);
  await primary.restart();
};

/** A node rests in the shard of an entry that it holds, and reads of another shard; it hears nothing of the write. */
export const otherLease: Scenario<RedisCluster> = async (cluster, observed) => {
  const [a, b] = three(cluster);
  for (const key of ['k', 'c']) {
    await written(observed, b, 'old', key);
    await observed.cached(a, key);
  }
  a.proxy.dropMessages = true;
  await readWhile(
    observed,
    a,
    async () => {
      await sleep(REST_AFTER_MS + LEASE_MS);
      await written(observed, b, 'new');
      await observed.look(a);
    },
    ['c'],
  );
  a.proxy.dropMessages = false;
};

/** A tag is invalidated whose entries lie with three primaries, while the slot of one moves and another fails over. */
export const tagOverPrimaries: Scenario<RedisCluster> = async (cluster, observed) => {
  const [a, b] = three(cluster);
  const { redis } = cluster;
  const invalidate = () => observed.invalidate(b, { tags: ['t'] }, ...SPREAD);
  const disturbances = [
    () => redis.moveSlot(SHARD_KEY, async () => void (await invalidate())),
    () => redis.failOver(shardKeyOf('c')),
  ];
  for (const disturb of disturbances) {
    for (const key of SPREAD) {
      await written(observed, b, 'tagged', key, ['t']);
      await observed.cached(a, key);
      await observed.mayVanish(key);
    }
    const invalidated = async () => {
      await disturb();
      await eventually(async () => expect((await invalidate()).outcome).toBe('ok'), 30_000);
      for (const key of SPREAD) await observed.look(a, key);
    };
    await readWhile(observed, a, invalidated, SPREAD);
  }
};

export const SCENARIOS_ON_CLUSTER: Readonly<Record<string, Scenario<RedisCluster>>> = {
  failedOver,
  slotMoved,
  asleepWhileMoved,
  replicaBehind,
  otherLease,
  tagOverPrimaries,
};
