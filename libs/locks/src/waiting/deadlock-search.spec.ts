import type { Membership } from '@syncline/cluster';
import { commandConnection, type RedisClient } from '@syncline/redis';
import { ProcessIdentity } from '@syncline/runtime';
import { RedisCluster } from '@syncline/testing';
import { ask, LockNode, lockKey, waitIdOf } from '../../../../test/stages/lock-stage.js';
import type { LeaseRequest } from '../lease/lease.js';
import { DeadlocksStore } from '../redis/deadlocks.store.js';
import { Shards } from '../redis/shards.js';
import { DeadlockSearch } from './deadlock-search.js';

/** Lets something happen after its first look. */
class Interrupted extends DeadlocksStore {
  private looks = 0;
  afterFirstLook: () => Promise<unknown> = async () => {};

  override async collect(id: string) {
    const graph = await super.collect(id);
    this.looks += 1;
    if (this.looks === 1) await this.afterFirstLook();
    return graph;
  }
}

describe('the search for deadlocks over shards', () => {
  let cluster: RedisCluster;
  let redis: RedisClient;
  let node: LockNode;
  let store: Interrupted;
  let search: DeadlockSearch;
  let count = 0;

  const acquire = (request: LeaseRequest) => node.leases.acquire(request, node.leases.ticketFor(request));
  const release = ({ leaseId, resources }: LeaseRequest) =>
    node.leases.release(
      resources.map(({ key }) => key),
      leaseId,
    );

  /** Owners A and B hold one name each, in different shards, and wait for the other's: B came last. */
  async function circle() {
    count += 1;
    const [x, y, a, b] = [`x-${count}`, `y-${count}`, `A-${count}`, `B-${count}`];
    const shards = new Shards(redis);
    if (shards.of(lockKey(x)) === shards.of(lockKey(y))) throw new Error('The names share a shard.');
    const heldByA = ask(x, { owner: a });
    const heldByB = ask(y, { owner: b });
    const waitOfA = ask(y, { owner: a, waitMs: 60_000 });
    const waitOfB = ask(x, { owner: b, waitMs: 60_000 });
    for (const request of [heldByA, heldByB, waitOfA, waitOfB]) await acquire(request);
    return { x, y, a, b, heldByB, waitOfA: waitIdOf(waitOfA), waitOfB: waitIdOf(waitOfB) };
  }

  beforeAll(async () => {
    cluster = await RedisCluster.start();
    redis = commandConnection(cluster.url, 'test');
    await redis.connect();
  });
  beforeEach(async () => {
    node = new LockNode(redis, 'lock_1');
    // It lives from now on: where no node beats, the silence of one does not count.
    await Promise.all(node.waits.shards.map((shard) => node.waits.beat(shard)));
    const membership = { nodeId: 'lock_1' } as Membership;
    store = new Interrupted(redis, node.calls, new Shards(redis), membership, new ProcessIdentity());
    search = new DeadlockSearch(store);
  });
  afterAll(async () => {
    redis.disconnect();
    await cluster.stop();
  });

  it('gives up the youngest wait of a circle, and no other', async () => {
    const { x, y, a, b, waitOfA, waitOfB } = await circle();
    expect(await search.search(waitOfA)).toBeNull();
    expect(await search.search(waitOfB)).toEqual([
      { owner: b, waitsFor: x, heldBy: a },
      { owner: a, waitsFor: y, heldBy: b },
    ]);
    expect(await search.search(waitOfB)).toBeNull();
    expect((await node.resources.inspect(lockKey(x))).waiters).toEqual([]);
    expect((await node.resources.inspect(lockKey(y))).waiters).toMatchObject([{ owner: a }]);
  });

  it('takes for a circle only what stood between two looks', async () => {
    const { x, b, waitOfB, heldByB } = await circle();
    // From now on A has what it waited for, in another shard than the one of the wait.
    store.afterFirstLook = () => release(heldByB);
    expect(await search.search(waitOfB)).toBeNull();
    expect((await node.resources.inspect(lockKey(x))).waiters).toMatchObject([{ owner: b }]);
  });

  it('looks at many waits together', async () => {
    const circles = await Promise.all(Array.from({ length: 5 }, circle));
    const found = await Promise.all(
      circles.flatMap(({ waitOfA, waitOfB }) => [search.search(waitOfA), search.search(waitOfB)]),
    );
    expect(found.filter((each) => each !== null)).toHaveLength(5);
  });
});
