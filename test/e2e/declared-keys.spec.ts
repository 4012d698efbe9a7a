import { readdirSync } from 'node:fs';
import { eventually, type NodeProcess, RedisCluster, startNodes, stopAll } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { breachesOf, type ScriptCall, ScriptCalls } from '../stages/script-calls.js';

const SHELVES = ['cluster', 'locks', 'queues', 'caches'];
/** Commands that an accident, or a tenant, calls for; they are built of the same parts. */
const RARE = ['locks/requests-of-process', 'caches/open-cache', 'queues/name-queue', 'queues/was-acked'];

/** The commands of all shelves, as `SHELF/COMMAND`. */
const commands = () =>
  SHELVES.flatMap((shelf) =>
    readdirSync(`libs/${shelf}/src/redis/scripts`)
      .filter((file) => file.endsWith('.lua'))
      .map((file) => `${shelf}/${file.slice(0, -'.lua'.length)}`),
  );

describe('the keys that Lua uses on a Redis Cluster', () => {
  let redis: RedisCluster;
  let nodes: NodeProcess[] = [];
  let calls: ScriptCalls;

  beforeAll(async () => {
    redis = await RedisCluster.start();
    calls = await ScriptCalls.of(redis.servers);
    const { url: redisUrl } = redis;
    const started = [
      startNodes('lock', 1, { redisUrl }),
      startNodes('queue', 1, { redisUrl }),
      startNodes('cache', 2, { redisUrl }),
    ];
    nodes = (await Promise.all(started)).flat();
  });
  afterAll(async () => {
    calls?.stop();
    await stopAll(nodes);
    await redis?.stop();
  });

  const call = async (
    node: number,
    method: string,
    path: string,
    body?: unknown,
    options: RequestInit = {},
  ) => {
    const answer = await fetch(`${nodes[node]?.url}/v1/${path}`, {
      method,
      headers: typeof body === 'object' ? { 'Content-Type': 'application/json' } : {},
      body: typeof body === 'object' ? JSON.stringify(body) : ((body as string | undefined) ?? null),
      ...options,
    });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  const of = (node: number) => ({
    get: (path: string) => call(node, 'GET', path),
    post: async (path: string, body = {}) => (await call(node, 'POST', path, body)).body,
    put: async (path: string, body: unknown = {}) => (await call(node, 'PUT', path, body)).body,
    delete: (path: string, body = {}) => call(node, 'DELETE', path, body),
    hangUp: (path: string, body: object) =>
      call(node, 'POST', path, body, { signal: AbortSignal.timeout(500) }).catch(() => undefined),
  });

  const inRedis = async (key: string, work: (client: Redis, key: string) => Promise<unknown>) => {
    const client = (await redis.primaryOf(key)).connect();
    await work(client, key).finally(() => client.disconnect());
  };

  const useLocks = async ({ get, post, put, delete: remove, hangUp }: ReturnType<typeof of>) => {
    const waitMs = 30_000;
    const held = (name: string, owner: string, more = {}) =>
      post(`locks/${name}/acquire`, { owner, ...more });
    const { leaseId, fencingToken } = await held('a', 'one');
    await hangUp('locks/a/acquire', { owner: 'two', waitMs });
    const next = held('a', 'two', { waitMs });
    await eventually(async () => expect((await get('locks/a')).body.waiters).toHaveLength(1));
    await post('locks/a/renew', { leaseId });
    await post('locks/a/verify', { fencingToken });
    await get('locks?prefix=a&awaited=true');
    await get('locks/waits');
    await post('locks/a/release', { leaseId });
    expect((await next).owner).toBe('two');
    await remove('locks/a', { reason: 'test' });
    const set = await post('locks/acquire', { owner: 'one', locks: [{ name: '{s}:1' }, { name: '{s}:2' }] });
    await post('locks/renew', { leaseId: set.leaseId, names: ['{s}:1', '{s}:2'] });
    await post('locks/release', { leaseId: set.leaseId, names: ['{s}:1', '{s}:2'] });
    // A circle over two shards.
    await held('x', 'left');
    await held('y', 'right');
    const circle = [held('y', 'left', { waitMs }), held('x', 'right', { waitMs })];
    expect((await Promise.race(circle)).code).toBe('deadlock');
    await Promise.all([remove('locks/x'), remove('locks/y')]);
    await post('semaphores/s/acquire', { owner: 'one', limit: 2 });
    await put('semaphores/s', { limit: 3 });
    await get('semaphores/s');
    await remove('semaphores/s');
    const session = await post('sessions', { owner: 'one' });
    await held('of-session', 'one', { sessionId: session.sessionId });
    await post(`sessions/${session.sessionId}/keepalive`);
    await get('sessions');
    await get(`sessions/${session.sessionId}`);
    await remove(`sessions/${session.sessionId}`);
    const signal = AbortSignal.timeout(1_000);
    await Promise.all(
      ['locks/a/events', 'events'].map((path) =>
        fetch(`${nodes[0]?.url}/v1/${path}`, { signal })
          .then((answer) => answer.text())
          .catch(() => undefined),
      ),
    );
  };

  const useQueues = async ({ get, post, put, delete: remove, hangUp }: ReturnType<typeof of>) => {
    const receive = async (queue: string, more = {}) =>
      (await post(`queues/${queue}/receive`, { waitMs: 10_000, max: 10, ...more })).messages;
    const send = async (queue: string, ...messages: object[]) =>
      (await post(`queues/${queue}/messages`, { messages })).messages;
    await put('queues/q', { maxReceives: 2, keepResultsMs: 60_000, rateLimit: { max: 100, perMs: 1_000 } });
    await put('queues/q', { maxReceives: 1, keepResultsMs: 60_000, rateLimit: { max: 100, perMs: 1_000 } });
    await hangUp('queues/q/receive', { waitMs: 10_000 });
    const parked = receive('q');
    await eventually(async () => expect(calls.names).toContain('queues/check-lines'));
    await send(
      'q',
      { body: 1, groupId: 'g', priority: 3, ttlMs: 60_000 },
      { body: 2, groupId: 'g', deduplicationId: 'd' },
      { body: 3 },
      { body: 4, delayMs: 60_000 },
    );
    const [first, ...others] = await parked;
    await post('queues/q/extend', { receipts: [first.receipt], visibilityTimeoutMs: 60_000, progress: 1 });
    await get(`queues/q/messages/${first.id}`);
    await post('queues/q/watch', { receipts: [first.receipt], waitMs: 200 });
    await post('queues/q/ack', { receipts: [first.receipt], results: ['done'] });
    const failed = others.map(({ receipt }: { receipt: string }) => receipt);
    expect((await post('queues/q/nack', { receipts: failed })).results[0].status).toBe('dead');
    for (const state of ['ready', 'delayed', 'inFlight', 'dead'])
      await get(`queues/q/messages?state=${state}`);
    const [delayed] = (await get('queues/q/messages?state=delayed')).body.messages;
    await call(1, 'PATCH', `queues/q/messages/${delayed.id}`, { delayMs: 0, priority: 1 });
    const [taken] = await receive('q');
    await post('queues/q/nack', { receipts: [taken.receipt], countsAs: 'none' });
    await remove(`queues/q/messages/${delayed.id}`);
    // What was dead comes back.
    await eventually(async () =>
      expect((await get('queues/q.dead')).body.stats).toMatchObject({ ready: expect.any(Number) }),
    );
    await post('queues/q.dead/redrive', { where: { body: 'nothing' } });
    await post('queues/q.dead/redrive', { max: 1 });
    const dead = (await get('queues/q.dead/messages?state=ready')).body.messages;
    await post('queues/q.dead/redrive', { ids: dead.map(({ id }: { id: string }) => id) });
    await eventually(async () => expect((await get('queues/q')).body.stats.ready).toBeGreaterThan(0));
    await post('queues/q/messages/search', { state: 'ready', where: {} });
    await post('queues/q/messages/delete', { where: { id: 'none' } });
    const [extra] = await send('q', { body: 'extra' });
    await post('queues/q/messages/delete', { ids: [extra.id] });
    await get('queues');
    await post('queues/q/pause');
    await post('queues/q/resume');
    await post('queues/q/purge');
    await put('schedules/s', { queue: 'q', everyMs: 100, message: { body: 1 } });
    await get('schedules/s');
    await get('schedules');
    await post('schedules/s/run');
    await post('schedules/s/pause');
    await post('schedules/s/resume');
    await eventually(async () => expect(calls.names).toContain('queues/fire-schedule'));
    await remove('schedules/s');
    // As after a failover: the nodes tell what they know of the queue.
    await inRedis('syncline:{queue:q}:queue', (client, key) => client.hset(key, 'instance', 'another'));
    await send('q', { body: 'again' });
    await fetch(`${nodes[1]?.url}/`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-amz-json-1.0',
        'X-Amz-Target': 'AmazonSQS.TagQueue',
      },
      body: JSON.stringify({ QueueUrl: `${nodes[1]?.url}/000000000000/q`, Tags: { team: 'mails' } }),
    });
    await remove('queues/q');
  };

  const useCaches = async (one: ReturnType<typeof of>, other: ReturnType<typeof of>) => {
    const { get, post, put, delete: remove } = one;
    await put('caches/c', { defaultTtlMs: 60_000 });
    const entry = (key: string) => `caches/c/entries/${key}`;
    await put(`${entry('k')}?tags=t`, 'one');
    for (const reader of [one, other, one, other]) await reader.get(entry('k'));
    await put(`${entry('k')}?tags=t`, 'two');
    await get(entry('absent'));
    await post(`${entry('n')}/increment`, { by: 2 });
    await post(`${entry('n')}/touch`, { ttlMs: 60_000 });
    await post('caches/c/mset', {
      entries: [
        { key: 'm', value: 1, ttlMs: 50 },
        { key: 'o', value: 2 },
      ],
    });
    await post('caches/c/mget', { keys: ['m', 'o', 'k'] });
    await post('caches/c/mdelete', { keys: ['o'] });
    await get('caches/c/entries');
    const { fillLease } = await post(`${entry('f')}/fill`);
    const waiting = other.post(`${entry('f')}/fill`, { waitMs: 10_000 });
    await post(`${entry('f')}/fill/${fillLease}/renew`, { leaseMs: 60_000 });
    await eventually(async () => expect(calls.names).toContain('caches/free-leases'));
    await remove(`${entry('f')}/fill/${fillLease}`);
    await waiting;
    await post('caches/c/invalidate', { tags: ['t'] });
    await post('caches/c/invalidate', { prefix: 'k' });
    await get('caches');
    await get('caches/c');
    // A reader that is silent: its round ends without it.
    await put(entry('frozen'), 'one');
    for (const reader of [other, other]) await reader.get(entry('frozen'));
    nodes.at(-1)?.freeze();
    await put(entry('frozen'), 'two');
    nodes.at(-1)?.thaw();
    await remove('caches/c');
  };

  /** What only frees, and what only reads, goes on. */
  const useFullRedis = async (locks: ReturnType<typeof of>, caches: ReturnType<typeof of>) => {
    const { leaseId } = await locks.post('locks/full/acquire', { owner: 'one' });
    await caches.put('caches/full/entries/k', 'one');
    const admins = redis.servers.map((server) => server.connect());
    await Promise.all(admins.map((admin) => admin.config('SET', 'maxmemory', '1')));
    expect(await locks.post('locks/full/release', { leaseId })).toMatchObject({ released: true });
    expect((await caches.get('caches/full/entries/k')).body).toBe('one');
    await Promise.all(admins.map((admin) => admin.config('SET', 'maxmemory', '0')));
    for (const admin of admins) admin.disconnect();
  };

  it('lie in one slot, whose guard each command names that uses more than it names', async () => {
    await Promise.all([useLocks(of(0)), useQueues(of(1)), useCaches(of(2), of(3))]);
    await useFullRedis(of(0), of(2));
    await nodes[0]?.stop();
    await eventually(() => {
      const unseen = commands().filter((command) => !calls.names.includes(command));
      expect(unseen.filter((command) => !RARE.includes(command))).toEqual([]);
    });
    expect([...new Set(calls.all.flatMap(breachesOf))]).toEqual([]);
  });

  it('are found in what Redis ran, and breaches in them', async () => {
    const text = "redis.call('SET', KEYS[1], redis.call('GET', KEYS[1] .. ':other') or '')";
    await inRedis('{a}:n', (client, key) => client.eval(text, 1, key));
    const recorded = await eventually(() => {
      const call = calls.all.find(({ keys }) => keys[0] === '{a}:n');
      expect(call?.used).toHaveLength(2);
      return call as ScriptCall;
    });
    expect(recorded).toMatchObject({ guarded: false, used: [['{a}:n:other'], ['{a}:n']] });
    expect(breachesOf(recorded)).toHaveLength(1);
    const guarded = { name: 'x/y', keys: ['{a}:n', 'syncline:{a}:guard'], guarded: true, used: [['{a}:m']] };
    expect(breachesOf(guarded)).toEqual([]);
    expect(breachesOf({ ...guarded, used: [['{a}:m', '{b}:m']] })).toHaveLength(1);
    expect(breachesOf({ ...guarded, keys: ['{a}:n', '{a}:o'] })).toHaveLength(1);
    expect(breachesOf({ ...guarded, used: [['syncline:{a}:guard']] })).toHaveLength(1);
    expect(breachesOf({ ...guarded, keys: ['{b}:n', 'syncline:{a}:guard'] })).toHaveLength(1);
  });
});
