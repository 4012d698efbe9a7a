import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquire, call, describeLock, release } from '../../e2e/lock.calls.js';
import type { Site } from '../core/fault-cluster.js';
import type { Hold } from './history.js';
import { exclusive, type Stage, waiters } from './stage.js';

/**
 * Long enough for what a busy machine does late, and shorter than what a broken rule lets others wait: the leases and the
 * waits of those who are gone.
 */
const DELAYED_MS = 12_000;

/** Of each client: enough for each kind of request to meet each other. */
const CROWD_ROUNDS = 20;
const LONGEST_CROWD_MS = 15_000;

/** Readers, writers, triers and stale releases on one name. */
async function crowd({ client, random }: Stage): Promise<void> {
  const endsAt = performance.now() + LONGEST_CROWD_MS;
  await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const me = client(`crowd-${i}`);
      const own = random.fork();
      let last: Hold | undefined;
      for (let round = 0; round < CROWD_ROUNDS && performance.now() < endsAt; round += 1) {
        const mode = own.chance(40) ? 'shared' : 'exclusive';
        const holds = await me.acquire(
          exclusive('crowd', { mode, waitMs: own.chance(20) ? 0 : 4_000, ttlMs: 2_000 }),
        );
        if (own.chance(30) && last) await me.releaseStale(last);
        if (holds === null) continue;
        await sleep(own.int(1, 10));
        await me.release(holds);
        last = holds[0];
      }
    }),
  );
}

/** One lease id, sent again: while it is held, and while it waits, through both nodes. */
async function retries(stage: Stage): Promise<void> {
  const { client, one, two, complain } = stage;
  const wanted = exclusive('retried', { waitMs: 3_000 });
  const leaseId = randomUUID();
  const first = await client('a', one).acquire(wanted, leaseId);
  const again = await client('a', two).acquire(exclusive('retried', { waitMs: 0 }), leaseId);
  if (first === null || again === null) complain('L5: a retry was not answered by its grant');
  const early = randomUUID();
  const waiting = client('b', one).acquire(wanted, early);
  await waiters(stage, 'retried', 1);
  const behind = client('c', one).acquire(wanted);
  await waiters(stage, 'retried', 2);
  const retried = client('b', two).acquire(wanted, early);
  await sleep(100);
  const owners = (await describeLock(one, 'retried')).waiters.map(
    (waiter: { owner: string }) => waiter.owner,
  );
  if (owners.join() !== 'b,c') complain(`W3: a retry changed the queue to ${owners}`);
  if (first) await client('a', one).release(first);
  const [granted, same] = await Promise.all([waiting, retried]);
  if (granted === null || same === null) complain('L5: a waiting retry was not answered by its grant');
  if (granted) await client('b', one).release(granted);
  const last = await behind;
  if (last) await client('c', one).release(last);
}

/** A node dies with its waiters in front of others; the lock is free at the same moment. */
async function deadWaiters(stage: Stage): Promise<void> {
  const { client, cluster, one, two, complain } = stage;
  const held = await client('holder', one).acquire(exclusive('dying'));
  const dead = Array.from({ length: 3 }, (_, i) =>
    acquire(two, 'dying', { owner: `dead-${i}`, waitMs: 20_000 }).catch(() => null),
  );
  await waiters(stage, 'dying', 3);
  const next = acquire(one, 'dying', { owner: 'next', waitMs: DELAYED_MS });
  await waiters(stage, 'dying', 4);
  await cluster.kill(cluster.sites[1] as (typeof cluster.sites)[number]);
  if (held) await client('holder', one).release(held);
  const { status } = await next;
  if (status !== 200) complain(`L4: dead waiters kept the lock (${status})`);
  await Promise.all(dead);
}

/** Nothing that is published arrives. */
async function deaf(stage: Stage): Promise<void> {
  const { client, cluster, one, two, complain } = stage;
  for (const { proxy } of cluster.sites) proxy.dropMessages = true;
  const held = await client('holder', one).acquire(exclusive('deaf'));
  const waiting = acquire(two, 'deaf', { owner: 'waiter', waitMs: DELAYED_MS });
  await waiters(stage, 'deaf', 1);
  if (held) await client('holder', one).release(held);
  const releasedAt = performance.now();
  await waiting;
  // At the end of its wait a request is looked at once more, in any case.
  if (performance.now() - releasedAt > 0.9 * DELAYED_MS)
    complain('L3: without messages there is no hand-over');
}

/** A lease that was waited for is as long as any other. */
async function longWait(stage: Stage): Promise<void> {
  const { client, one, two } = stage;
  const held = await client('holder', one).acquire(exclusive('late'));
  const waiting = client('waiter', two).acquire(exclusive('late', { ttlMs: 600 }));
  await waiters(stage, 'late', 1);
  await sleep(500);
  if (held) await client('holder', one).release(held);
  await waiting;
}

/** Leases run out while others ask through another node. */
async function expiry({ client, one, two }: Stage): Promise<void> {
  for (let i = 0; i < 3; i += 1) {
    const held = await client('a', one).acquire(exclusive('expiring', { ttlMs: 1_000, waitMs: 3_000 }));
    const next = client('b', two).acquire(exclusive('expiring', { ttlMs: 300, waitMs: 3_000 }));
    await sleep(200);
    if (held) await client('a', one).renew(held, 500);
    await next;
  }
}

/** Several names, wanted by one who came later than a single waiter. */
async function set(stage: Stage): Promise<void> {
  const { client, one, two } = stage;
  const shared = { mode: 'shared' as const };
  const a = await client('a', one).acquire(exclusive('set-a', shared));
  const b = await client('b', one).acquire(exclusive('set-b'));
  const writer = client('writer', two).acquire(exclusive('set-a'));
  await waiters(stage, 'set-a', 1);
  const me = client('both', one);
  const both = me
    .acquire({ ...exclusive(''), names: ['set-a', 'set-b'], ...shared })
    .then((holds) => holds && me.release(holds));
  await waiters(stage, 'set-a', 2);
  if (b) await client('b', one).release(b);
  await sleep(100);
  if (a) await client('a', one).release(a);
  const written = await writer;
  if (written) await client('writer', two).release(written);
  await both;
}

/** Two owners in a circle. The node of the younger one freezes when it has closed it, so that the older one sees it first. */
async function circle(stage: Stage): Promise<void> {
  const { client, cluster, one, two, complain } = stage;
  const [, site] = cluster.sites as [Site, Site];
  await client('A', one).acquire(exclusive('circle-a'));
  const b = await client('B', one).acquire(exclusive('circle-b'));
  const older = acquire(one, 'circle-b', { owner: 'A', waitMs: 60_000 });
  await waiters(stage, 'circle-b', 1);
  const closing = acquire(two, 'circle-a', { owner: 'B', waitMs: DELAYED_MS });
  await waiters(stage, 'circle-a', 1);
  cluster.freeze(site);
  // A wait is looked at once a second.
  await sleep(1_500);
  cluster.thaw(site);
  const younger = await closing;
  if (younger.body.code !== 'deadlock')
    complain(`L6: the younger wait ended as ${younger.body.code ?? 'a grant'}`);
  if (b) await client('B', one).release(b);
  const { status } = await older;
  if (status !== 200) complain('L6: the older wait was given up');
}

/** A circle that a third owner may still open. */
async function openCircle(stage: Stage): Promise<void> {
  const { client, one, two, complain } = stage;
  const permit = (owner: string, waitMs: number) =>
    call(two, 'POST', 'semaphores/open/acquire', { owner, limit: 2, waitMs });
  const held = await client('A', one).acquire(exclusive('open-a'));
  await permit('B', 0);
  const third = await permit('C', 0);
  const lock = acquire(one, 'open-a', { owner: 'B', waitMs: 5_000 });
  await waiters(stage, 'open-a', 1);
  const semaphore = permit('A', 3_000);
  await sleep(400);
  await call(one, 'POST', 'semaphores/open/release', { leaseId: third.body.leaseId });
  if ((await semaphore).status !== 200) complain('L6: a deadlock was announced that was none');
  if (held) await client('A', one).release(held);
  if ((await lock).status !== 200) complain('L6: a deadlock was announced that was none');
}

/** A session ends, and everything in it. */
async function session({ one, two, complain }: Stage): Promise<void> {
  const { body } = await call(one, 'POST', 'sessions', { owner: 'S', ttlMs: 1_500 });
  const names = ['session-1', 'session-2', 'session-3'];
  for (const name of names) await acquire(one, name, { owner: 'S', sessionId: body.sessionId });
  const answers = await Promise.all(
    names.map((name) => acquire(two, name, { owner: 'next', waitMs: DELAYED_MS })),
  );
  if (answers.some((answer) => answer.status !== 200)) complain('A lease outlived its session');
}

/** A caller goes away before it is answered; Redis has granted, the node does not know yet. */
async function leaveUntold({ cluster, one }: Stage, name: string, leaseId: string): Promise<() => void> {
  const [site] = cluster.sites;
  // Redis knows the script from then on: the grant needs no second round trip.
  await acquire(one, `${name}-before`, { owner: 'me' });
  site?.proxy.hold('replies');
  const impatient = new AbortController();
  const first = acquire(one, name, { owner: 'me', leaseId }, impatient.signal).catch(() => null);
  await sleep(200);
  impatient.abort();
  await first;
  return () => site?.proxy.heal();
}

/** ... and has been told of its lease by another node. */
async function toldElsewhere(stage: Stage): Promise<void> {
  const { client, two, complain } = stage;
  const leaseId = randomUUID();
  const heal = await leaveUntold(stage, 'told', leaseId);
  const holds = await client('me', two).acquire(exclusive('told', { waitMs: 0 }), leaseId);
  heal();
  await sleep(300);
  const other = await acquire(two, 'told', { owner: 'other' });
  if (holds && other.status === 200)
    complain('L1: a lease was taken back after its caller had been told of it');
  if (holds) await client('me', two).release(holds);
}

/** ... and does not come back. */
async function untold(stage: Stage): Promise<void> {
  const heal = await leaveUntold(stage, 'untold', randomUUID());
  // The node has to see the end of the connection before it has the answer; else it could not know better.
  await sleep(300);
  heal();
  const other = await acquire(stage.two, 'untold', { owner: 'other', waitMs: 3_000 });
  if (other.status !== 200) stage.complain('L4: one who could not be told keeps the lock');
}

/** A caller disconnects while it waits: its place is free at once. */
async function disconnect(stage: Stage): Promise<void> {
  const { client, one, two, complain } = stage;
  const held = await client('holder', one).acquire(exclusive('hung'));
  const gone = new AbortController();
  const leaving = acquire(two, 'hung', { owner: 'gone', waitMs: 20_000 }, gone.signal).catch(() => null);
  await waiters(stage, 'hung', 1);
  const next = acquire(one, 'hung', { owner: 'next', waitMs: DELAYED_MS });
  await waiters(stage, 'hung', 2);
  gone.abort();
  await leaving;
  if (held) await client('holder', one).release(held);
  const { status, body } = await next;
  if (status !== 200) complain(`L4: one who disconnected keeps the lock (${status})`);
  await release(one, body);
}

/** A client disconnects before its node knows that a release there served it as a local waiter. */
async function localWaiter(stage: Stage): Promise<void> {
  const { client, cluster, one, two, complain } = stage;
  const [, site] = cluster.sites;
  const holder = client('holder', two);
  // Redis knows the scripts from then on.
  const before = await holder.acquire(exclusive('local'));
  if (before) await holder.release(before);
  const held = await holder.acquire(exclusive('local'));
  const gone = new AbortController();
  const leaving = acquire(two, 'local', { owner: 'gone', waitMs: 20_000 }, gone.signal).catch(() => null);
  await waiters(stage, 'local', 1);
  const next = acquire(one, 'local', { owner: 'next', waitMs: 3_000 });
  await waiters(stage, 'local', 2);
  site?.proxy.hold('replies');
  const releasing = held && holder.release(held);
  await sleep(200);
  gone.abort();
  await leaving;
  await sleep(200);
  site?.proxy.heal();
  await releasing;
  if ((await next).status !== 200) complain('L4: a local waiter that disconnected keeps the lock');
}

/** A node dies after a release there served a local waiter, with more of them in the queue. */
async function localWaitersOfDeadNode(stage: Stage): Promise<void> {
  const { client, cluster, one, two, complain } = stage;
  const held = await client('holder', two).acquire(exclusive('local-dead'));
  const dead = Array.from({ length: 3 }, (_, i) =>
    acquire(two, 'local-dead', { owner: `dead-${i}`, ttlMs: 500, waitMs: 20_000 }).catch(() => null),
  );
  await waiters(stage, 'local-dead', 3);
  const next = acquire(one, 'local-dead', { owner: 'next', waitMs: DELAYED_MS });
  await waiters(stage, 'local-dead', 4);
  if (held) await client('holder', two).release(held);
  await cluster.kill(cluster.sites[1] as (typeof cluster.sites)[number]);
  const { status } = await next;
  if (status !== 200) complain(`L4: local waiters of a dead node kept the lock (${status})`);
  await Promise.all(dead);
}

/** Every scenario by its name. */
export const scenarios = {
  crowd,
  retries,
  deadWaiters,
  deaf,
  longWait,
  expiry,
  set,
  circle,
  openCircle,
  session,
  toldElsewhere,
  untold,
  disconnect,
  localWaiter,
  localWaitersOfDeadNode,
};
