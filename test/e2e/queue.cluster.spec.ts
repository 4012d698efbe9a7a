import { setTimeout as sleep } from 'node:timers/promises';
import { partOf } from '@syncline/redis';
import {
  eventually,
  type NodeProcess,
  RedisCluster,
  type RedisServer,
  startNodes,
  stopAll,
} from '@syncline/testing';
import request from 'supertest';

interface Message {
  readonly body: unknown;
  readonly receipt: string;
}

const call = async (node: NodeProcess, path: string, body: object) => {
  const answer = await request(node.url).post(`/v1/queues/${path}`).send(body);
  if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`);
  return answer.body;
};
const receive = async (node: NodeProcess, queue: string, options: object): Promise<Message[]> =>
  (await call(node, `${queue}/receive`, options)).messages;
const stats = async (node: NodeProcess, queue: string) =>
  (await request(node.url).get(`/v1/queues/${queue}`).expect(200)).body.stats;

describe('queue nodes on a Redis Cluster', () => {
  let redis: RedisCluster;
  let nodes: NodeProcess[];
  let one: NodeProcess;
  let two: NodeProcess;

  beforeAll(async () => {
    redis = await RedisCluster.start();
    nodes = await startNodes('queue', 2, { redisUrl: redis.url });
    [one, two] = nodes as [NodeProcess, NodeProcess];
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('carry queues that lie in different slots, and list them all', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `orders-${i}`);
    await Promise.all(names.map((name) => call(one, `${name}/messages`, { messages: [{ body: name }] })));
    const waiting = names.map((name) => receive(two, name, { max: 2, waitMs: 10_000 }));
    const received = await Promise.all(waiting);
    expect(received.map((messages) => messages.map(({ body }) => body))).toEqual(names.map((name) => [name]));
    const acked = await Promise.all(
      names.map((name, i) => call(one, `${name}/ack`, { receipts: received[i]?.map((m) => m.receipt) })),
    );
    for (const { results } of acked) expect(results).toMatchObject([{ status: 'acked' }]);
    const listed = async () => {
      const { body } = await request(two.url).get('/v1/queues?prefix=orders-&limit=50').expect(200);
      return body.queues.map(({ name }: { name: string }) => name);
    };
    expect(await listed()).toEqual([...names].sort());

    const clients = redis.servers.map((server) => server.connect());
    try {
      const parts = await Promise.all(clients.map((client) => client.keys('syncline:{queues:*}:names')));
      expect(parts.filter((keys) => keys.length > 0)).toHaveLength(3);
      // As an earlier version kept the names.
      const [first = '', ...others] = names;
      await Promise.all(
        clients.flatMap((client, i) => (parts[i] ?? []).map((key) => client.zrem(key, first))),
      );
      const FORMER = 'syncline:{queues}:names';
      const former = clients[redis.servers.indexOf(await redis.primaryOf(FORMER))];
      await former?.zadd(FORMER, 0, first);
      expect(await listed()).toEqual([...names].sort());
      await request(one.url).delete(`/v1/queues/${first}`).expect(204);
      await eventually(async () => expect(await former?.exists(FORMER)).toBe(0));
      expect(await listed()).toEqual([...others].sort());
    } finally {
      for (const client of clients) client.disconnect();
    }
  });

  it('wake receivers parked at another node, and promote what is delayed', async () => {
    await call(one, 'parked/messages', { messages: [{ body: 'late', delayMs: 300 }] });
    const waiting = receive(two, 'parked', { waitMs: 10_000 });
    await expect(waiting).resolves.toMatchObject([{ body: 'late' }]);
  });

  it('bring dead letters to a queue in another slot, and back', async () => {
    await request(one.url)
      .put('/v1/queues/jobs')
      .send({ maxReceives: 1, deadLetterQueue: 'graveyard' })
      .expect(200);
    const sent = await call(one, 'jobs/messages', { messages: [{ body: 1 }, { body: 2, groupId: 'g' }] });
    const messages = await receive(two, 'jobs', { max: 2 });
    await call(two, 'jobs/nack', { receipts: messages.map(({ receipt }) => receipt) });
    await eventually(async () => expect(await stats(one, 'graveyard')).toMatchObject({ ready: 2 }));
    expect(await stats(two, 'jobs')).toMatchObject({ ready: 0, inFlight: 0, dead: 2 });
    const { body } = await request(one.url).get(`/v1/queues/jobs/messages/${sent.messages[0].id}`);
    expect(body).toMatchObject({ state: 'dead', body: 1, attempts: [{ how: 'nacked' }] });
    expect(await call(two, 'graveyard/redrive', {})).toEqual({ moved: 2 });
    await eventually(async () => expect(await stats(one, 'jobs')).toMatchObject({ ready: 2, dead: 0 }));
  });

  it('send with an ack to queues in other slots, once', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `step-${i}`);
    await call(one, 'steps/messages', { messages: [{ body: 0 }] });
    const [message] = await receive(two, 'steps', {});
    const acks = { receipts: [message?.receipt], send: names.map((queue) => ({ queue, body: queue })) };
    await Promise.all([call(one, 'steps/ack', acks), call(two, 'steps/ack', acks)]);
    await call(one, 'steps/ack', acks);
    for (const name of names) {
      expect(await receive(two, name, { max: 10 })).toMatchObject([{ body: name }]);
    }
  });

  it('send what schedules say, in whatever slots their queues and their names lie', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `scheduled-${i}`);
    for (const name of names) {
      const given = { queue: name, everyMs: 200, limit: 3, missed: 'all', message: { body: name } };
      await request(one.url).put(`/v1/schedules/${name}`).send(given).expect(200);
    }
    await eventually(async () => {
      const { body } = await request(two.url).get('/v1/schedules?prefix=scheduled-').expect(200);
      expect(body.schedules.map(({ sent }: { sent: number }) => sent)).toEqual(names.map(() => 3));
    });
    for (const name of names) {
      expect(await receive(two, name, { max: 10 })).toMatchObject(Array(3).fill({ body: name }));
    }
  });

  it('keep receivers, and those who wait for an end, while the primary of other queues is silent', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `near-${i}`);
    const sent = await Promise.all(
      names.map((name) => call(one, `${name}/messages`, { messages: [{ body: name, delayMs: 3_600_000 }] })),
    );
    const primaries = await Promise.all(
      names.map((name) => redis.primaryOf(`syncline:{queue:${name}}:queue`)),
    );
    const silent = primaries[0];
    const at = primaries.findIndex((primary) => primary !== silent);
    const [there = '', here = ''] = [names[0], names[at]];
    await redis.serveInParts();
    const idOf = (name: string) => sent[names.indexOf(name)]?.messages[0].id;
    const receiving = (name: string) =>
      request(two.url).post(`/v1/queues/${name}/receive`).send({ waitMs: 20_000 });
    const watching = (name: string) =>
      request(two.url).get(`/v1/queues/${name}/messages/${idOf(name)}?waitMs=20000`);
    const away = Promise.all([receiving(there), watching(there)]);
    const near = Promise.all([receiving(here), watching(here)]);
    const clients = redis.servers.map((server) => server.connect());
    await eventually(async () => {
      const lines = await Promise.all(clients.map((client) => client.keys('syncline:{queue:near-*}:w')));
      expect(lines.flat()).toHaveLength(2);
    });
    for (const client of clients) client.disconnect();
    silent?.freeze();
    expect((await away).map(({ status }) => status)).toEqual([503, 503]);
    // By now a node without any answer of Redis ends all that waits.
    await sleep(5_000);
    await call(one, `${here}/messages`, { messages: [{ body: 'now' }] });
    await request(one.url)
      .delete(`/v1/queues/${here}/messages/${idOf(here)}`)
      .expect(200);
    const [received, ended] = await near;
    expect(received.body.messages).toMatchObject([{ body: 'now' }]);
    expect(ended.body.state).toBe('cancelled');
    silent?.thaw();
    await eventually(async () => expect((await stats(one, there)).delayed).toBe(1));
  });

  it('have the schedules of a node that died taken over while the primary of other names is silent', async () => {
    const members = await redis.primaryOf('syncline:{cluster:queue}:members');
    const silent = redis.servers.find((server) => server !== members) as RedisServer;
    const names: string[] = [];
    for (let i = 0; names.length === 0; i += 1) {
      const name = `due-${i}`;
      const keys = [`syncline:{queue:${name}}:queue`, `syncline:{queues:${partOf(name, 16)}}:names`];
      const primaries = await Promise.all(keys.map((key) => redis.primaryOf(key)));
      const { body } = await request(one.url).get(`/v1/cluster/owner?key=${name}`);
      if (!primaries.includes(silent) && body.nodeId === one.nodeId) names.push(name);
    }
    const [name = ''] = names;
    await request(one.url)
      .put(`/v1/schedules/${name}`)
      .send({ queue: name, everyMs: 500, message: { body: name } })
      .expect(200);
    await eventually(async () => expect((await stats(two, name)).sent).toBeGreaterThan(0));
    await redis.serveInParts();
    silent.freeze();
    try {
      await one.kill();
      await eventually(async () => {
        const { body } = await request(two.url).get(`/v1/cluster/owner?key=${name}`);
        expect(body.nodeId).toBe(two.nodeId);
      });
      const { sent } = await stats(two, name);
      await eventually(async () => expect((await stats(two, name)).sent).toBeGreaterThan(sent));
    } finally {
      silent.thaw();
      [one = two] = await startNodes('queue', 1, { redisUrl: redis.url });
      nodes = [one, two];
    }
  });

  it('keep schedules whose queue had something else to do while nobody could beat', async () => {
    const members = await redis.primaryOf('syncline:{cluster:queue}:members');
    const owner = async (name: string) => request(one.url).get(`/v1/cluster/owner?key=${name}`);
    const ended = async () => {
      const { text } = await request(one.url).get('/metrics').expect(200);
      return Number(/^queue_delay_lateness_seconds_count (\d+)$/m.exec(text)?.[1]);
    };
    let name = '';
    for (let i = 0; name === ''; i += 1) {
      const keys = [
        `syncline:{queue:kept-on-${i}}:queue`,
        `syncline:{queues:${partOf(`kept-on-${i}`, 16)}}:names`,
      ];
      const primaries = await Promise.all(keys.map((key) => redis.primaryOf(key)));
      const { body } = await owner(`kept-on-${i}`);
      if (!primaries.includes(members) && body.nodeId === one.nodeId) name = `kept-on-${i}`;
    }
    await call(one, `${name}/messages`, { messages: [{ body: 'makes the queue' }] });
    await request(one.url)
      .put(`/v1/schedules/${name}`)
      .send({ queue: name, everyMs: 6_000, message: { body: 'again' } })
      .expect(200);
    await redis.serveInParts();
    members.freeze();
    try {
      await eventually(async () => expect((await owner(name)).status).toBe(503));
      const before = await ended();
      await call(one, `${name}/messages`, { messages: [{ body: 'later', delayMs: 50 }] });
      // The timer of the queue has run, while this node could not say that it owns it.
      await eventually(async () => expect(await ended()).toBeGreaterThan(before));
    } finally {
      members.thaw();
    }
    await eventually(async () => expect(await stats(one, name)).toMatchObject({ ready: 3 }));
  });

  it('send again what one primary lost, of all queues, while another is silent', async () => {
    const [silent, lost] = (await redis.primaries()) as [RedisServer, RedisServer];
    const names = Array.from({ length: 360 }, (_, i) => `many-${i}`);
    await Promise.all(names.map((name) => call(one, `${name}/messages`, { messages: [{ body: name }] })));
    const primaries = await Promise.all(
      names.map((name) => redis.primaryOf(`syncline:{queue:${name}}:queue`)),
    );
    const keys = names
      .filter((_, i) => primaries[i] === lost)
      .map((name) => `syncline:{queue:${name}}:queue`);
    await redis.serveInParts();
    silent.freeze();
    try {
      await lost.kill();
      await lost.restart();
      const client = lost.connect();
      try {
        await client.config('SET', 'cluster-require-full-coverage', 'no');
        await eventually(async () => {
          const found = await Promise.all(keys.map((key) => client.exists(key)));
          expect(found.reduce((sum, each) => sum + each, 0)).toBe(keys.length);
        }, 20_000);
      } finally {
        client.disconnect();
      }
    } finally {
      silent.thaw();
    }
  });

  it('send again what a primary lost that came back without its data', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `kept-${i}`);
    const sent = await Promise.all(
      names.map((name) => call(one, `${name}/messages`, { messages: [{ body: name }] })),
    );
    const primary = await redis.primaryOf('syncline:{queue:kept-0}:queue');
    await primary.kill();
    await primary.restart();
    for (const [i, name] of names.entries()) {
      const received = await eventually(async () => {
        const messages = await receive(two, name, { max: 10, visibilityTimeoutMs: 600_000 });
        expect(messages).toHaveLength(1);
        return messages;
      });
      expect(received).toMatchObject([{ id: sent[i].messages[0].id, body: name }]);
      expect(await stats(one, name)).toMatchObject({ sent: 1, lost: 0, inFlight: 1 });
    }
  });
});
