import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Syncline } from '@syncline/client';
import { ROLES, type Role } from '@syncline/contracts';
import { eventually, freePort, NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import type { Redis } from 'ioredis';
import request from 'supertest';

const ENGINES = { lock: 'locks', queue: 'queues', cache: 'caches' } as const;
const NODES = 3;
/** Calls that each kind of load must have done since, so that a version has worked and not just been there. */
const SOME = 50;

/** The built apps, with every command of every shelf of Lua changed, inside the project: they need its node_modules. */
function anotherVersion(): string {
  mkdirSync('.data', { recursive: true });
  const dist = mkdtempSync('.data/version-');
  cpSync('dist/apps', join(dist, 'apps'), { recursive: true });
  for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (/\/redis\/scripts\/[\w-]+\.lua$/.test(file))
      appendFileSync(join(dist, file), '-- Of another version.\n');
  }
  return dist;
}

/** A load that runs until it is stopped, and notes each breach of a promise. */
interface Load {
  /** Calls that were answered. */
  readonly done: () => number;
  readonly breaches: readonly string[];
  readonly stop: () => Promise<void>;
}

/** Several take turns in holding a few locks. */
function holdLocks(syncline: Syncline): Load {
  const holders = new Map<string, number>();
  const tokens = new Map<string, bigint>();
  const breaches: string[] = [];
  let done = 0;
  let ended = false;
  const hold = async (name: string) => {
    while (!ended) {
      await syncline.lock.using(name, { waitMs: 60_000 }, async (lease) => {
        const others = holders.get(name) ?? 0;
        if (others > 0) breaches.push(`${name} is held ${others + 1} times`);
        holders.set(name, others + 1);
        const token = BigInt(lease.fencingToken);
        if (token <= (tokens.get(name) ?? 0n))
          breaches.push(`${name} has the token ${token} after a larger one`);
        tokens.set(name, token);
        await new Promise(setImmediate);
        holders.set(name, others);
        done += 1;
      });
    }
  };
  const running = Promise.all(['a', 'a', 'a', 'b', 'b', 'c'].map(hold)).catch((error: unknown) =>
    breaches.push(String(error)),
  );
  return {
    done: () => done,
    breaches,
    stop: async () => {
      ended = true;
      await running;
    },
  };
}

/** What is sent is handled, each group in its order. */
function sendAndHandle(syncline: Syncline): Load {
  const GROUPS = 3;
  const breaches: string[] = [];
  const sent = new Set<number>();
  const last = new Map<number, number>();
  let handled = 0;
  let ended = false;
  const worker = syncline.worker<number>(
    'orders',
    ({ body }) => {
      const group = body % GROUPS;
      // Again is allowed, after an answer that was lost; out of order is not.
      if (body > (last.get(group) ?? -1) + GROUPS && last.has(group)) breaches.push(`${body} came too early`);
      last.set(group, Math.max(body, last.get(group) ?? -1));
      if (sent.delete(body)) handled += 1;
    },
    { concurrency: 4 },
  );
  const queue = syncline.queue<number>('orders');
  const sending = (async () => {
    for (let n = 0; !ended; n += 1) {
      sent.add(n);
      await queue.send(n, { groupId: `g${n % GROUPS}`, deduplicationId: `d${n}` });
    }
  })().catch((error: unknown) => breaches.push(String(error)));
  return {
    done: () => handled,
    breaches,
    stop: async () => {
      ended = true;
      await sending;
      await eventually(() => expect([...sent]).toEqual([]));
      await worker.stop();
    },
  };
}

/** One writes, others read: never what was there before a write that was answered. */
function writeAndRead(syncline: Syncline): Load {
  const breaches: string[] = [];
  const cache = syncline.cache<number>('prices');
  let written = 0;
  let done = 0;
  let ended = false;
  const writing = (async () => {
    while (!ended) {
      await cache.set('sku', written + 1);
      written += 1;
    }
  })().catch((error: unknown) => breaches.push(String(error)));
  const read = async () => {
    while (!ended) {
      const before = written;
      const seen = (await cache.get('sku')) ?? 0;
      if (seen < before) breaches.push(`read ${seen} after ${before} was written`);
      done += 1;
    }
  };
  const reading = Promise.all([read(), read(), read()]).catch((error: unknown) =>
    breaches.push(String(error)),
  );
  return {
    done: () => Math.min(done, written),
    breaches,
    stop: async () => {
      ended = true;
      await Promise.all([writing, reading]);
    },
  };
}

/** What the loads change, as a node shows it. */
const STATE = { lock: '/v1/locks/a', queue: '/v1/queues/orders', cache: '/v1/caches/prices' };
const LOADS = { lock: holdLocks, queue: sendAndHandle, cache: writeAndRead };

describe('A rolling upgrade under load', () => {
  let server: RedisServer;
  let redis: Redis;
  let newer: string;
  const nodes: NodeProcess[] = [];

  beforeAll(async () => {
    newer = anotherVersion();
    server = await RedisServer.start();
    redis = server.connect();
  });
  afterAll(async () => {
    redis.disconnect();
    await stopAll(nodes);
    await server.stop();
    rmSync(newer, { recursive: true });
  });

  const librariesOf = async (role: Role): Promise<string[]> => {
    const listed = (await redis.function(
      'LIST',
      'LIBRARYNAME',
      `syncline_${ENGINES[role]}_*`,
    )) as unknown[][];
    return listed.map(([, name]) => String(name)).sort();
  };

  /** Replaces the nodes of a role one after the other, while its load runs. */
  async function upgrade(role: Role): Promise<void> {
    const ports = await Promise.all(Array.from({ length: NODES }, freePort));
    const start = async (i: number, dist: string) => {
      const env = { PORT: String(ports[i]) };
      const node = await NodeProcess.start(role, { redisUrl: server.url, nodeId: `${role}_${i}`, dist, env });
      nodes.push(node);
      return node;
    };
    const first = await Promise.all(ports.map((_, i) => start(i, 'dist')));
    const urls = first.map(({ url }) => url);
    const syncline = new Syncline({ [role]: urls, timeoutMs: 60_000 });
    const load = LOADS[role](syncline);
    const worked = async () => {
      const before = load.done();
      await eventually(() => expect(load.done()).toBeGreaterThan(before + SOME));
    };
    let older: string | undefined;
    try {
      await worked();
      [older] = await librariesOf(role);

      for (const [i, before] of first.entries()) {
        await before.stop();
        const node = await start(i, newer);
        // A client stays with nodes that keep up: this makes sure that the new one works as well.
        await request(node.url).get(STATE[role]).expect(200);
        await worked();
        if (i < NODES - 1) expect(await librariesOf(role)).toHaveLength(2);
      }
    } finally {
      await load.stop();
      await syncline.close();
    }
    expect([role, load.breaches]).toEqual([role, []]);
    await eventually(async () => expect(await librariesOf(role)).toHaveLength(1));
    expect(await librariesOf(role)).not.toContain(older);
  }

  it('keeps its promises while two versions of the Lua run side by side, of each role', () =>
    Promise.all(ROLES.map(upgrade)));
});
