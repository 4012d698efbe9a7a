import { eventually, NodeProcess, RedisServer, startNodes, stopAll, TcpProxy } from '@syncline/testing';
import request from 'supertest';
import { auditQueue } from '../stages/queue-audit.js';

interface Message {
  readonly body: unknown;
  readonly receipt: string;
  readonly receiveCount: number;
}

const path = (queue: string, call = '') => `/v1/queues/${queue}${call && `/${call}`}`;
const put = (node: NodeProcess, queue: string, body: object) =>
  request(node.url).put(path(queue)).send(body).expect(200);
const send = (node: NodeProcess, queue: string, bodies: unknown[], options: object = {}) =>
  request(node.url)
    .post(path(queue, 'messages'))
    .send({ messages: bodies.map((body) => ({ body, ...options })) })
    .expect(201);
const receive = async (node: NodeProcess, queue: string, options: object = {}): Promise<Message[]> =>
  (await request(node.url).post(path(queue, 'receive')).send(options).expect(200)).body.messages;
const ack = (node: NodeProcess, queue: string, messages: readonly Message[]) =>
  request(node.url)
    .post(path(queue, 'ack'))
    .send({ receipts: messages.map(({ receipt }) => receipt) })
    .expect(200);
const stats = async (node: NodeProcess, queue: string) =>
  (await request(node.url).get(path(queue)).expect(200)).body.stats;
const ownerOf = async (node: NodeProcess, queue: string): Promise<string> =>
  (await request(node.url).get(`/v1/cluster/owner?key=${queue}`).expect(200)).body.nodeId;

/** Resolves when so many receivers of a queue are parked. */
async function parkedAt(redis: RedisServer, queue: string, count: number): Promise<void> {
  const client = redis.connect();
  try {
    await eventually(async () => expect(await client.zcard(`syncline:{queue:${queue}}:w`)).toBe(count));
  } finally {
    client.disconnect();
  }
}

/** Names of queues whose timers a node runs. */
async function ownedBy(node: NodeProcess, prefix: string): Promise<string> {
  for (let i = 0; ; i += 1) {
    if ((await ownerOf(node, `${prefix}-${i}`)) === node.nodeId) return `${prefix}-${i}`;
  }
}

describe('three queue nodes on one Redis', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  const at = (i: number): NodeProcess => {
    const node = nodes[i];
    if (node === undefined) throw new RangeError(`no node ${i}`);
    return node;
  };

  beforeAll(async () => {
    redis = await RedisServer.start({ durable: true });
    nodes = await startNodes('queue', 3, { redisUrl: redis.url });
    await eventually(async () => {
      for (const node of nodes) {
        expect((await request(node.url).get('/v1/cluster')).body.members).toHaveLength(3);
      }
    });
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('serve any queue through any node', async () => {
    await put(at(0), 'any', {});
    await send(at(1), 'any', [1, 2, 3]);
    const messages = await receive(at(2), 'any', { max: 3 });
    expect(messages.map(({ body }) => body)).toEqual([1, 2, 3]);
    const { body } = await ack(at(0), 'any', messages);
    expect(body.results.map(({ status }: { status: string }) => status)).toEqual(['acked', 'acked', 'acked']);
    expect(await stats(at(1), 'any')).toMatchObject({ ready: 0, inFlight: 0, acked: 3 });
  });

  it('wake a receiver that is parked at another node, in order of arrival across nodes', async () => {
    await put(at(0), 'wake', {});
    const parked = [];
    for (const [i, node] of nodes.entries()) {
      parked.push(receive(node, 'wake', { waitMs: 30_000 }));
      await parkedAt(redis, 'wake', i + 1);
    }
    for (const body of ['first', 'second', 'third']) await send(at(2), 'wake', [body]);
    const answers = (await Promise.all(parked)).map((messages) => messages.map(({ body }) => body));
    expect(answers).toEqual([['first'], ['second'], ['third']]);
  });

  it('redeliver in time though the node that received was killed, and lose nothing', async () => {
    const queue = await ownedBy(at(0), 'killed');
    await put(at(0), queue, { visibilityTimeoutMs: 1_000 });
    await send(
      at(0),
      queue,
      Array.from({ length: 50 }, (_, i) => i),
    );
    const doomed = await NodeProcess.start('queue', { redisUrl: redis.url, nodeId: 'queue_doomed' });
    const taken = await receive(doomed, queue, { max: 50 });
    expect(taken).toHaveLength(50);
    await doomed.kill();
    const again = new Set<unknown>();
    while (again.size < 50) {
      const messages = await receive(at(1), queue, { max: 50, waitMs: 1_000 });
      for (const { body } of messages) again.add(body);
      if (messages.length > 0) await ack(at(2), queue, messages);
    }
    expect(again.size).toBe(50);
    expect(await stats(at(0), queue)).toMatchObject({ ready: 0, inFlight: 0, acked: 50 });
  });

  it.each([
    ['killed', (node: NodeProcess) => node.kill()],
    ['frozen', (node: NodeProcess) => Promise.resolve(node.freeze())],
  ])('move the duties of an owner that is %s, and serve', async (how, strike) => {
    const owner = await NodeProcess.start('queue', { redisUrl: redis.url, nodeId: `queue_${how}` });
    await eventually(async () =>
      expect((await request(at(0).url).get('/v1/cluster')).body.members).toHaveLength(4),
    );
    // On a busy machine the new node may have been silent for a moment, and joins again.
    const queue = await eventually(() => ownedBy(owner, `moved-${how}`));
    const limited = { visibilityTimeoutMs: 100, maxReceives: 1 };
    await put(at(0), queue, limited);
    await send(at(0), queue, ['poison']);
    await receive(owner, queue);
    const line = `line-${how}`;
    await put(at(0), line, {});
    void receive(owner, line, { waitMs: 30_000 }).catch(() => {});
    await parkedAt(redis, line, 1);
    const behind = receive(at(1), line, { waitMs: 30_000 });
    await parkedAt(redis, line, 2);
    await strike(owner);
    await send(at(2), line, ['for who is there']);
    expect(await behind).toMatchObject([{ body: 'for who is there' }]);
    // Nobody receives from this queue: only a timer can find out that the delivery failed.
    const client = redis.connect();
    await eventually(async () =>
      expect(await client.hget(`syncline:{queue:${queue}}:queue`, 'dead')).toBe('1'),
    );
    client.disconnect();
    await send(at(1), queue, ['next']);
    expect(await receive(at(2), queue)).toMatchObject([{ body: 'next' }]);
    owner.thaw();
    await owner.kill();
  });

  it('do no harm when two of them do the same timers', async () => {
    await put(at(0), 'twice', { visibilityTimeoutMs: 60, maxReceives: 100 });
    await send(
      at(0),
      'twice',
      Array.from({ length: 40 }, (_, i) => i),
      { delayMs: 50 },
    );
    const client = redis.connect();
    const channel = (node: NodeProcess) => `syncline.queue.queue.due.${node.nodeId}`;
    const hint = { queue: 'twice', inMs: 0 };
    const acked = new Set<unknown>();
    while (acked.size < 40) {
      for (const node of nodes) {
        await client.publish(channel(node), JSON.stringify({ pattern: channel(node), data: hint }));
      }
      const messages = await receive(at(acked.size % 3), 'twice', { max: 7, waitMs: 200 });
      const some = messages.filter((_, i) => i % 2 === 0);
      if (some.length > 0) {
        const { body } = await ack(at(0), 'twice', some);
        for (const [i, { status }] of body.results.entries()) {
          if (status === 'acked') {
            expect(acked).not.toContain(some[i]?.body);
            acked.add(some[i]?.body);
          }
        }
      }
      expect(await auditQueue(client, 'twice')).toEqual([]);
    }
    expect(await stats(at(0), 'twice')).toMatchObject({ ready: 0, inFlight: 0, acked: 40, sent: 40 });
    client.disconnect();
  });

  it('answer a parked receiver by 503 when its node stops, and lose nothing', async () => {
    const leaving = await NodeProcess.start('queue', { redisUrl: redis.url, nodeId: 'queue_leaving' });
    await put(at(0), 'leaving', {});
    const parked = request(leaving.url)
      .post(path('leaving', 'receive'))
      .send({ waitMs: 20_000 })
      .then((response) => response);
    await parkedAt(redis, 'leaving', 1);
    const exited = leaving.stop();
    const answer = await parked;
    expect(answer.status).toBe(503);
    expect(answer.body.code).toBe('shutting-down');
    expect(answer.headers['retry-after']).toBeDefined();
    expect(await exited).toBe(0);
    await send(at(0), 'leaving', [1]);
    expect(await receive(at(1), 'leaving')).toHaveLength(1);
  });

  it('answer parked receivers when Redis is gone, and lose nothing acknowledged', async () => {
    await put(at(0), 'outage', { visibilityTimeoutMs: 1_000 });
    await send(at(0), 'outage', [1, 2, 3]);
    const taken = await receive(at(0), 'outage', { max: 1 });
    await ack(at(1), 'outage', taken);
    await put(at(0), 'outage-empty', {});
    const parked = nodes.map((node) =>
      request(node.url)
        .post(path('outage-empty', 'receive'))
        .send({ waitMs: 30_000 })
        .then((response) => response),
    );
    await parkedAt(redis, 'outage-empty', 3);
    await redis.kill();
    for (const { status, body } of await Promise.all(parked)) {
      expect(status).toBe(503);
      expect(body.code).toBe('store-unavailable');
    }
    await redis.restart();
    await eventually(async () => {
      for (const node of nodes) expect((await request(node.url).get(path('outage'))).status).toBe(200);
    });
    const left = await receive(at(2), 'outage', { max: 10, waitMs: 30_000 });
    expect(left.map(({ body }) => body)).toEqual([2, 3]);
    expect(
      (await ack(at(0), 'outage', left)).body.results.map(({ status }: { status: string }) => status),
    ).toEqual(['acked', 'acked']);
  });
});

describe('queue nodes that never hear each other', () => {
  let redis: RedisServer;
  let proxies: TcpProxy[];
  let nodes: NodeProcess[];

  beforeAll(async () => {
    redis = await RedisServer.start();
    proxies = await Promise.all([0, 1, 2].map(() => TcpProxy.start(redis.port)));
    for (const proxy of proxies) proxy.dropMessages = true;
    nodes = await Promise.all(
      proxies.map((proxy, i) =>
        NodeProcess.start('queue', { redisUrl: proxy.url, nodeId: `queue_${i + 1}` }),
      ),
    );
    // A message would tell them at once; the heartbeats do so in time.
    await eventually(async () => {
      for (const node of nodes)
        expect((await request(node.url).get('/v1/cluster')).body.members).toHaveLength(3);
    });
  });
  afterAll(async () => {
    await stopAll(nodes);
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    await redis.stop();
  });

  it('still deliver to parked receivers, redeliver and promote', async () => {
    const [one, two, three] = nodes;
    if (!one || !two || !three) throw new Error('expected three nodes');
    await put(one, 'deaf', { visibilityTimeoutMs: 500 });
    const parked = receive(two, 'deaf', { waitMs: 30_000 });
    await parkedAt(redis, 'deaf', 1);
    await send(one, 'deaf', ['now']);
    const first = await parked;
    expect(first).toMatchObject([{ body: 'now' }]);
    const again = await receive(three, 'deaf', { waitMs: 30_000 });
    expect(again).toMatchObject([{ body: 'now', receiveCount: 2 }]);
    await ack(one, 'deaf', again);
    await send(one, 'deaf', ['later'], { delayMs: 400 });
    expect(await receive(two, 'deaf', { waitMs: 30_000 })).toMatchObject([{ body: 'later' }]);
  });

  it('do what is due though nobody receives and the owner was not told', async () => {
    const [one, two] = nodes;
    if (!one || !two) throw new Error('expected nodes');
    const queue = await ownedBy(two, 'unheard');
    await put(one, queue, { visibilityTimeoutMs: 100, maxReceives: 1 });
    await send(one, queue, ['poison']);
    await receive(one, queue);
    const client = redis.connect();
    await eventually(async () =>
      expect(await client.hget(`syncline:{queue:${queue}}:queue`, 'dead')).toBe('1'),
    );
    client.disconnect();
  });
});
