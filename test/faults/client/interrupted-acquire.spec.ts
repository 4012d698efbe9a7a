import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockClient, LockHeldError } from '@syncline/client';
import {
  eventually,
  freePort,
  type NodeProcess,
  RedisServer,
  startNodes,
  stopAll,
  TcpProxy,
} from '@syncline/testing';

/**
 * A lock that is granted after an interruption is really held by its caller, with any TTL; and a grant that its caller does
 * not get is released.
 */
const PATIENT = 60_000;

let redis: RedisServer;
let nodes: NodeProcess[];
let direct: LockClient;

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('lock', 2, { redisUrl: redis.url });
  direct = new LockClient({ urls: nodes.map(({ url }) => url) });
}, 120_000);
afterAll(async () => {
  redis?.thaw();
  await direct?.close();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

const portOf = (node: NodeProcess | undefined) => Number(new URL(node?.url ?? '').port);
const cableTo = (node: NodeProcess | undefined) => TcpProxy.start(portOf(node));
const http = (cable: TcpProxy) => cable.url.replace('redis:', 'http:');
const TTL = { ttlMs: 1_500 };

/** Each way to acquire something under a name. */
const WAYS = {
  'a lock': (client: LockClient, name: string, options: object) =>
    client.acquire(name, { ...TTL, ...options }),
  'a set': (client: LockClient, name: string, options: object) =>
    client.acquireAll([name, `${name}-b`], { ...TTL, ...options }),
  permits: (client: LockClient, name: string, options: object) =>
    client.semaphore(name, 1).acquire({ ...TTL, ...options }),
} as const;
type Way = keyof typeof WAYS;
const EACH = Object.keys(WAYS) as Way[];

/** Does something in each way, at the same time: most of it is waiting. */
const inEachWay = (act: (way: Way) => Promise<void>) =>
  Promise.all(
    EACH.map((way) =>
      act(way).catch((error: unknown) => {
        throw new Error(`It fails for ${way}.`, { cause: error });
      }),
    ),
  );

const holdersOf = async (way: Way, name: string) =>
  (way === 'permits' ? await direct.semaphore(name).inspect() : await direct.inspect(name)).holders;
const waitersOf = async (way: Way, name: string) =>
  (way === 'permits' ? await direct.semaphore(name).inspect() : await direct.inspect(name)).waiters;
const nobodyHolds = (way: Way, name: string) =>
  eventually(async () => expect(await holdersOf(way, name)).toEqual([]), 10_000);

describe('an interrupted acquisition, in each way', () => {
  it('succeeds when a node starts after longer than the TTL', async () => {
    const port = await freePort();
    await using client = new LockClient({ urls: [`http://127.0.0.1:${port}`] });
    const taken = inEachWay(async (way) => {
      const held = await WAYS[way](client, `late-node-${way.length}`, {});
      expect(held.isHeld).toBe(true);
      await held.release();
    });
    await sleep(2 * TTL.ttlMs);
    const node = await lateNode(port);
    await taken;
    await node.stop();
  });

  it('succeeds when the answer to the first attempt was lost and its lease has ended', () =>
    inEachWay(async (way) => {
      const take = WAYS[way];
      const cable = await cableTo(nodes[0]);
      await using client = new LockClient({ urls: [http(cable)] });
      const name = `lost-answer-${way.length}`;
      cable.hold('replies');
      const taking = take(client, name, {});
      await eventually(async () => expect(await holdersOf(way, name)).toHaveLength(1));
      // The client does not get the answer before that lease ends.
      await eventually(async () => expect(await holdersOf(way, name)).toHaveLength(0), 10_000);
      cable.cut();
      cable.heal();
      const held = await taking;
      expect(held.isHeld).toBe(true);
      expect(await holdersOf(way, name)).toHaveLength(1);
      await held.release();
      await nobodyHolds(way, name);
      await cable.stop();
    }));

  it('renews the lease when the answer comes late, so that it has its full TTL', () =>
    inEachWay(async (way) => {
      const take = WAYS[way];
      const cable = await cableTo(nodes[0]);
      await using client = new LockClient({ urls: [http(cable)] });
      const name = `late-answer-${way.length}`;
      cable.hold('replies');
      const options = { ttlMs: 8_000 };
      const taking = take(client, name, options);
      await eventually(async () => expect(await holdersOf(way, name)).toHaveLength(1));
      const [first] = await holdersOf(way, name);
      // A third of the TTL is over.
      await eventually(
        () => expect(Date.now()).toBeGreaterThan(Date.parse(first?.acquiredAt ?? '') + 3_000),
        10_000,
      );
      cable.cut();
      cable.heal();
      const held = await taking;
      expect(held.isHeld).toBe(true);
      expect(held.remainingMs).toBeLessThanOrEqual(options.ttlMs);
      const [renewed] = await holdersOf(way, name);
      expect(renewed?.fencingToken).toBe(first?.fencingToken);
      expect(renewed?.expiresAt.localeCompare(first?.expiresAt ?? '')).toBe(1);
      expect(await holdersOf(way, name)).toHaveLength(1);
      await held.release();
      await cable.stop();
    }));

  it('succeeds for waiters whose connections are cut repeatedly', () =>
    inEachWay(async (way) => {
      const take = WAYS[way];
      const cable = await cableTo(nodes[0]);
      await using client = new LockClient({ urls: [http(cable)] });
      const name = `cut-${way.length}`;
      const first = await take(direct, name, {});
      const taking = take(client, name, { waitMs: PATIENT });
      const cutting = (async () => {
        for (let i = 0; i < 8; i++) {
          await eventually(async () => expect(await waitersOf(way, name)).toHaveLength(1), 10_000);
          cable.cut();
          await sleep(400);
        }
      })();
      await cutting;
      await first.release();
      const held = await taking;
      expect(held.isHeld).toBe(true);
      expect(await holdersOf(way, name)).toHaveLength(1);
      await held.release();
      await nobodyHolds(way, name);
      await cable.stop();
    }));

  it('succeeds for each waiter in turn after Redis was frozen', async () => {
    const clients = Array.from({ length: 3 }, () => new LockClient({ urls: nodes.map(({ url }) => url) }));
    const lines = await Promise.all(
      EACH.map(async (way) => {
        const name = `stall-${way.length}`;
        const first = await WAYS[way](direct, name, { ttlMs: 10_000 });
        const waiting = clients.map((client) => WAYS[way](client, name, { waitMs: PATIENT }));
        await eventually(async () => expect(await waitersOf(way, name)).toHaveLength(3));
        return { way, name, first, waiting };
      }),
    );
    redis.freeze();
    await sleep(3_500);
    redis.thaw();
    for (const { way, name, first, waiting } of lines) {
      await first.release().catch(() => undefined);
      const won = waiting.map(async (taking) => {
        const held = await taking;
        expect(held.isHeld).toBe(true);
        await held.release();
      });
      await Promise.all(won);
      await nobodyHolds(way, name);
    }
    await Promise.all(clients.map((client) => client.close()));
  }, 60_000);

  it('releases the lease when its caller gave up while the answer was on its way', () =>
    inEachWay(async (way) => {
      const take = WAYS[way];
      const cable = await cableTo(nodes[0]);
      await using client = new LockClient({ urls: [http(cable)] });
      const name = `aborted-${way.length}`;
      const gone = new AbortController();
      cable.hold('replies');
      const options = { ttlMs: 60_000, signal: gone.signal, waitMs: PATIENT };
      const takings = Promise.allSettled([take(client, name, options), take(client, `${name}-2`, options)]);
      await eventually(async () => {
        const all = await Promise.all([holdersOf(way, name), holdersOf(way, `${name}-2`)]);
        expect(all.map(({ length }) => length)).toEqual([1, 1]);
      });
      gone.abort(new Error('gone'));
      for (const outcome of await takings) expect(outcome).toMatchObject({ reason: { message: 'gone' } });
      cable.heal();
      await nobodyHolds(way, name);
      await nobodyHolds(way, `${name}-2`);
      await cable.stop();
    }));

  it('releases the lease when the answer is invalid or comes from another server', () =>
    inEachWay(async (way) => {
      const take = WAYS[way];
      for (const spoil of [
        (text: string) => ({ status: 200, text: text.slice(0, 20) }),
        () => ({ status: 200, text: '<html>Welcome to our Wi-Fi</html>' }),
        () => ({ status: 403, text: 'no' }),
      ]) {
        const name = `spoiled-${way.length}`;
        const proxy = await spoiling(nodes[0]?.url ?? '', spoil);
        await using client = new LockClient({ urls: [proxy.url] });
        await expect(take(client, name, { ttlMs: 60_000 })).rejects.toMatchObject({
          code: 'unexpected-answer',
        });
        expect(proxy.spoiled).toBe(1);
        await nobodyHolds(way, name);
        await expect(take(client, name, {}).then((held) => held.release())).resolves.toBeUndefined();
        await proxy.stop();
      }
    }));
});

describe('a single acquisition', () => {
  it('is refused when another owner holds the lock', async () => {
    await using _ = await direct.acquire('others');
    await using client = new LockClient({ urls: nodes.map(({ url }) => url) });
    await expect(client.acquire('others')).rejects.toThrow(LockHeldError);
  });

  it('fails and releases the lease when no answer arrives within the TTL', async () => {
    const slow = await delaying(nodes[0]?.url ?? '', 250);
    await using client = new LockClient({ urls: [slow.url], timeoutMs: 2_000 });
    await expect(client.acquire('too-slow', { ttlMs: 150 })).rejects.toMatchObject({
      code: 'deadline-exceeded',
      message: expect.stringContaining('ttlMs'),
    });
    await nobodyHolds('a lock', 'too-slow');
    await slow.stop();
  });
});

const lateNode = async (port: number): Promise<NodeProcess> => {
  const [node] = await startNodes('lock', 1, {
    redisUrl: redis.url,
    env: { PORT: String(port), NODE_ID: 'late' },
  });
  return node as NodeProcess;
};

/** A proxy server for a node. */
async function before(
  url: string,
  listener: (forward: () => Promise<Response>, path: string) => Promise<Reply>,
) {
  const server = createServer((async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'GET' } = request;
    const forward = () =>
      fetch(url + request.url, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(method === 'GET' ? {} : { body: Buffer.concat(chunks) }),
      });
    const { status, text } = await listener(forward, request.url ?? '');
    response.writeHead(status).end(text);
  }) as RequestListener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Replaces the first answer to an acquire. */
async function spoiling(url: string, spoil: (text: string) => Reply) {
  let spoiled = 0;
  const proxy = await before(url, async (forward, path) => {
    const answer = await forward();
    const text = await answer.text();
    if (!path.endsWith('/acquire') || spoiled > 0) return { status: answer.status, text };
    spoiled += 1;
    return spoil(text);
  });
  return {
    ...proxy,
    get spoiled() {
      return spoiled;
    },
  };
}

/** Delays each answer. */
const delaying = (url: string, ms: number) =>
  before(url, async (forward) => {
    const answer = await forward();
    const reply = { status: answer.status, text: await answer.text() };
    await sleep(ms);
    return reply;
  });
