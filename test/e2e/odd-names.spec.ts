import { randomUUID } from 'node:crypto';
import { ROLES, type Role } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';

/** Members of Object.prototype, which a library that keeps names in plain objects finds there already. */
const ODD = [
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'valueOf',
  '__defineGetter__',
];
/** Two nodes of each role, one of them with such a name itself. */
const idsOf = (role: Role) => [`${role}_1`, '__proto__'];

let redis: RedisServer;
let nodes: Record<Role, NodeProcess[]>;
const startAll = async () => {
  const started = await Promise.all(
    ROLES.map(async (role) => {
      const start = (nodeId: string) => NodeProcess.start(role, { redisUrl: redis.url, nodeId });
      return [role, await Promise.all(idsOf(role).map(start))] as const;
    }),
  );
  nodes = Object.fromEntries(started) as Record<Role, NodeProcess[]>;
  await eventually(async () => {
    for (const node of everyNode()) {
      const { body } = await request(node.url).get('/v1/cluster').expect(200);
      expect(body.members.map((member: { state: string }) => member.state)).toEqual(['alive', 'alive']);
      const { body: ready } = await request(node.url).get('/health/ready').expect(200);
      expect(ready.info.cluster.members).toBe(2);
    }
  });
};
const everyNode = () => Object.values(nodes).flat();
const stopAll = () => Promise.all(everyNode().map((node) => node.stop()));

beforeAll(async () => {
  redis = await RedisServer.start();
  await startAll();
});
afterAll(async () => {
  await stopAll();
  await redis.stop();
});

const post = (role: Role, path: string, body: object) =>
  request((nodes[role][0] as NodeProcess).url)
    .post(`/v1/${path}`)
    .send(body);
const node = (role: Role) => (nodes[role][0] as NodeProcess).url;

async function useEverywhere(odd: string): Promise<void> {
  const leaseId = randomUUID();
  await post('lock', `locks/${odd}/acquire`, {
    owner: odd,
    leaseId,
    metadata: JSON.parse(`{"${odd}":1}`),
  }).expect(200);
  await post('lock', `locks/${odd}/acquire`, { owner: `${odd}-2` }).expect(409);
  await post('lock', `locks/${odd}/renew`, { leaseId }).expect(200);
  await post('lock', 'locks/acquire', {
    owner: odd,
    locks: [{ name: `{s}${odd}` }, { name: `{s}b` }],
    waitMs: 0,
  });
  await post('lock', `semaphores/${odd}/acquire`, { owner: odd, limit: 2 }).expect(200);
  const { body: session } = await post('lock', 'sessions', { owner: odd }).expect(201);
  await post('lock', `sessions/${session.sessionId}/keepalive`, {}).expect(200);
  await request(node('lock')).get(`/v1/sessions/${odd}`).expect(404);
  await request(node('lock')).get(`/v1/locks?prefix=${odd}&cursor=${odd}`);

  await request(node('queue'))
    .put(`/v1/queues/${odd}`)
    .send({ deadLetterQueue: `${odd}.d` })
    .expect(200);
  const message = { body: odd, groupId: odd, deduplicationId: odd, headers: { a: odd } };
  await post('queue', `queues/${odd}/messages`, { messages: [message, { body: 1, delayMs: 100 }] }).expect(
    201,
  );
  const { body: received } = await post('queue', `queues/${odd}/receive`, { max: 1, waitMs: 5_000 }).expect(
    200,
  );
  await post('queue', `queues/${odd}/nack`, { receipts: [received.messages[0].receipt] }).expect(200);
  await post('queue', `queues/${odd}/ack`, { receipts: [odd] });
  await request(node('queue')).get(`/v1/queues/${odd}/messages?state=ready`).expect(200);

  const entry = `/v1/caches/${odd}/entries/${odd}`;
  await request(node('cache')).put(`${entry}?tags=${odd}&ttlMs=600000`).send('1').expect(201);
  for (const { url } of nodes.cache) {
    await request(url).get(entry).expect(200);
    await request(url).get(entry).expect(200);
  }
  await post('cache', `caches/${odd}/entries/${odd}-n/increment`, {}).expect(200);
  await post('cache', `caches/${odd}/entries/${odd}-f/fill`, {}).expect(200);
  await post('cache', `caches/${odd}/mget`, { keys: [odd] }).expect(200);
  await post('cache', `caches/${odd}/invalidate`, { prefix: `${odd}/` }).expect(200);
  await request(node('cache')).put(`/v1/caches/${odd}`).send({ defaultTtlMs: 600_000 }).expect(200);

  for (const { url } of everyNode()) {
    await request(url).get(`/v1/cluster/owner?key=${odd}`).expect(200);
    await request(url).get(`/v1/${odd}/${odd}?${odd}=${odd}`).set('X-Request-Id', odd).expect(404);
    await request(url).get(`/v1/cluster/owner?key=a&${odd}=b`).expect(400);
  }
}

const ownersOf = (keys: readonly string[]) =>
  Promise.all(
    everyNode().map(async ({ url, role }) => {
      const asked = keys.map((key) => request(url).get(`/v1/cluster/owner?key=${encodeURIComponent(key)}`));
      return { role, owners: (await Promise.all(asked)).map(({ body }) => body.nodeId) };
    }),
  );

it('names of members of Object.prototype work in all roles, also after a restart', async () => {
  for (const odd of ODD) await useEverywhere(odd);
  // A broken list crashes a node at the next listing, so list on every node.
  const keys = [...ODD, ...Array.from({ length: 50 }, (_, i) => `key-${i}`)];
  const before = await ownersOf(keys);
  for (const role of ROLES) {
    const [one, other] = before.filter((each) => each.role === role);
    expect(one).toEqual(other);
    expect(new Set(one?.owners)).toEqual(new Set(idsOf(role)));
  }

  await stopAll();
  for (const each of everyNode()) expect(await each.exited).toBe(0);
  await startAll();
  await request(node('queue')).get('/v1/queues/__proto__').expect(200);
  await request(node('cache')).get('/v1/caches/__proto__/entries/__proto__').expect(200, '1');
  expect((await request(node('lock')).get('/v1/locks/__proto__').expect(200)).body.holders).toHaveLength(1);
  expect(await ownersOf(keys)).toEqual(before);
  // Timers work with these names too: the delayed message is delivered.
  const { body } = await post('queue', 'queues/__proto__/receive', { max: 10, waitMs: 5_000 }).expect(200);
  expect(body.messages.length).toBeGreaterThan(0);
  for (const each of everyNode()) expect(each.output).not.toMatch(/"level":[56]0/);
}, 120_000);
