import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type RedisServer } from '@syncline/testing';
import { configure, entriesIn, flush } from './client.js';
import { type Scenario, three } from './stage.js';

/** A node that nobody asks lets its lease end after 3 s, which takes the rest of the lease. */
const REST_MS = 4_500;

/** A node that cannot reach Redis is still reached by clients when a write through another node is answered. */
export const cutOff: Scenario = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await observed.put(b, 'old');
  await observed.cached(a);
  a.proxy.hold('requests', 'replies');
  await observed.put(b, 'new');
  await observed.look(a);
  a.proxy.heal();
};

/**
 * Renewals reach Redis, their replies arrive late and the hints never: only the sending tells how old a lease is.
 * It takes a renewal that is under way alone when the cable is cut, so it is tried several times.
 */
export const lateReplies: Scenario = async (cluster, observed, random) => {
  const [a, b] = three(cluster);
  for (let i = 0; i < 5; i += 1) {
    await observed.put(b, `old ${i}`);
    await observed.cached(a);
    await sleep(random.int(0, 300));
    a.proxy.dropMessages = true;
    a.proxy.hold('replies');
    await sleep(320);
    const written = observed.put(b, `new ${i}`);
    await sleep(540);
    a.proxy.heal();
    a.proxy.hold('replies');
    await written;
    const reads = observed.look(a);
    await sleep(50);
    a.proxy.heal();
    await reads;
    a.proxy.dropMessages = false;
  }
};

/** All hints are lost: renewals alone bring what must be dropped. */
export const noHints: Scenario = async (cluster, observed) => {
  const [a, b] = three(cluster);
  a.proxy.dropMessages = true;
  for (let i = 0; i < 4; i += 1) {
    await observed.put(b, `${i}`);
    await observed.cached(a);
  }
  await observed.put(b, 'last');
  await observed.look(a);
};

/** One hint of two is lost: the second must not acknowledge the first. */
export const gap: Scenario = async (cluster, observed) => {
  const [a, b, c] = three(cluster);
  for (let i = 0; i < 6; i += 1) {
    for (const key of ['k', 'l']) {
      await observed.put(b, `${i}`, key);
      await observed.cached(a, key);
    }
    a.proxy.dropMessages = true;
    const first = observed.put(b, `first ${i}`, 'k');
    await sleep(15);
    a.proxy.dropMessages = false;
    const second = observed.put(c, `second ${i}`, 'l');
    await Promise.race([first, sleep(120)]);
    for (let j = 0; j < 3; j += 1) await observed.get(a, 'k');
    await Promise.all([first, second]);
    await observed.get(a, 'k');
  }
};

/** A fill is on its way while its key is written through the same node, whose own write needs no hint. */
export const slowFill: Scenario = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await observed.put(b, 'warm', 'warm');
  await observed.cached(a, 'warm');
  for (let i = 0; i < 4; i += 1) {
    const key = `k${i}`;
    await observed.put(b, 'old', key);
    a.proxy.hold('replies');
    const read = observed.get(a, key);
    await sleep(25);
    const written = observed.put(a, 'new', key);
    await sleep(25);
    a.proxy.heal();
    await Promise.all([read, written]);
    await observed.look(a, key);
  }
};

/** Two near caches hold a key that a third node writes. */
export const twoSharers: Scenario = async (cluster, observed) => {
  const [a, b, c] = three(cluster);
  await observed.put(c, 'old');
  await observed.cached(a);
  await observed.cached(b);
  b.proxy.dropMessages = true;
  a.proxy.dropMessages = false;
  await observed.put(c, 'new');
  await Promise.all([observed.look(a), observed.look(b)]);
};

/** A node reads what it wrote itself. */
export const ownWrites: Scenario = async (cluster, observed) => {
  const [a] = three(cluster);
  for (let i = 0; i < 5; i += 1) {
    await observed.put(a, `${i}`);
    await observed.cached(a);
  }
  await observed.put(a, 'last');
  await observed.get(a);
};

/** A node invalidates a tag of what it holds itself. To the register of the key that is a delete. */
export const ownTags: Scenario = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await observed.put(b, 'old', 'k', ['t']);
  await observed.cached(a);
  await observed.cached(b);
  await observed.invalidate(a, { tags: ['t'] }, 'k');
  await Promise.all([observed.look(a), observed.look(b)]);
};

/** A prefix is invalidated of what a node holds that no hint reaches. */
export const prefixes: Scenario = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await observed.put(b, 'old', 'k-1');
  await observed.cached(a, 'k-1');
  a.proxy.dropMessages = true;
  await observed.invalidate(b, { prefix: 'k-' }, 'k-1');
  await observed.look(a, 'k-1');
  a.proxy.dropMessages = false;
};

/** An entry is evicted, to keep the bounds of its cache, that a node holds which no hint reaches. */
export const evicted: Scenario = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await configure(b.node.url, { maxEntries: 1 });
  // It has to be alone: what the stories before left would make it go at once.
  await flush(b.node.url);
  await eventually(async () => expect(await entriesIn(b.node.url)).toBe(0));
  await observed.put(b, 'old');
  await observed.cached(a);
  a.proxy.dropMessages = true;
  await observed.mayVanish();
  let others = 0;
  await eventually(async () => {
    await observed.put(b, 'x', `other-${others++}`);
    expect((await observed.get(b)).output?.value).toBeNull();
  });
  await observed.look(a);
  a.proxy.dropMessages = false;
  await configure(b.node.url, {});
};

/** A node knows that there is no entry, and no hint tells it that there is one now. */
export const absent: Scenario = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await observed.cached(a, 'absent');
  a.proxy.dropMessages = true;
  await observed.put(b, 'new', 'absent');
  await observed.look(a, 'absent');
  a.proxy.dropMessages = false;
};

/** A node let its lease end, since nobody asked it for anything; then it is asked for what was written meanwhile. */
export const rested: Scenario = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await observed.put(b, 'old');
  await observed.cached(a);
  await sleep(REST_MS);
  a.proxy.dropMessages = true;
  await observed.put(b, 'new');
  await observed.look(a);
  a.proxy.dropMessages = false;
};

/** A node sleeps through a write, wakes up, and is asked at once. */
export const sleeper: Scenario = async (cluster, observed) => {
  const [a, b] = three(cluster);
  await observed.put(b, 'old');
  await observed.cached(a);
  cluster.freeze(a);
  await observed.put(b, 'new');
  const reads = Array.from({ length: 5 }, () => observed.get(a));
  cluster.thaw(a);
  await Promise.all(reads);
  for (let i = 0; i < 40; i += 1) {
    await observed.get(a);
    await sleep(20);
  }
};

/** A write waits for one node while another asks for the key. */
export const fillDuringWrite: Scenario = async (cluster, observed) => {
  const [a, b, c] = three(cluster);
  await observed.put(b, 'old');
  await observed.cached(a);
  a.proxy.hold('requests', 'replies');
  const written = observed.put(b, 'new');
  await sleep(100);
  await observed.look(c);
  await written;
  await observed.look(c);
  a.proxy.heal();
};

/** Redis starts again, empty, while one node, which still holds entries, cannot reach it. */
export const newInstance: Scenario<RedisServer> = async (cluster, observed) => {
  const [a, b] = three(cluster);
  observed.lost = true;
  await observed.put(b, 'old');
  await observed.cached(a);
  a.proxy.hold('requests', 'replies');
  await cluster.redis.restart();
  await eventually(async () => expect((await observed.put(b, 'new')).outcome).toBe('ok'));
  await observed.look(a);
  a.proxy.heal();
};

/** Redis loses its functions, and with them what it knew of the instance, but none of its data. */
export const lostFunctions: Scenario<RedisServer> = async (cluster, observed) => {
  const [a, b] = three(cluster);
  const client = cluster.redis.connect();
  for (let i = 0; i < 5; i += 1) {
    await observed.put(b, `old ${i}`);
    await observed.cached(a);
    await client.script('FLUSH');
    await client.function('FLUSH');
    await observed.put(b, `new ${i}`);
    await observed.look(a);
  }
  client.disconnect();
};

export const SCENARIOS: Readonly<Record<string, Scenario<RedisServer>>> = {
  cutOff,
  lateReplies,
  noHints,
  gap,
  slowFill,
  twoSharers,
  ownWrites,
  ownTags,
  prefixes,
  evicted,
  absent,
  rested,
  sleeper,
  fillDuringWrite,
  newInstance,
  lostFunctions,
};
