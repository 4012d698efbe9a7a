import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { eventually, isRedisFrom, RedisReplication, RedisServer, TcpProxy } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { commandConnection } from '../connection/connection.js';
import { StoreUnavailable } from '../store-unavailable.js';
import { Commits } from './commits.js';

/** The connection of a node, with what holds its replies. */
async function connectTo(url: string) {
  const redis = commandConnection(url, 'test') as Redis;
  await redis.connect();
  const commits = new Commits(redis);
  const close = () => {
    commits.onApplicationShutdown();
    redis.disconnect();
  };
  return { redis, commits, close };
}

const callsOf = async (redis: Redis, command: string): Promise<number> =>
  Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await redis.info('commandstats'))?.[1] ?? 0);

const replicated = () => 'replicated' as const;

describe('Commits, replicated', () => {
  let pair: RedisReplication;
  let cable: TcpProxy;
  let follower: Redis;
  let node: Awaited<ReturnType<typeof connectTo>>;

  beforeAll(async () => {
    pair = await RedisReplication.start();
    const [replica] = pair.replicas;
    if (replica === undefined) throw new Error('There is no replica.');
    ({ cable } = replica);
    follower = replica.server.connect();
    node = await connectTo(pair.primary.url);
    await node.commits.hold('k', node.redis.set('k', 'first'), replicated);
  });
  afterAll(async () => {
    node.close();
    follower.disconnect();
    await pair.stop();
  });

  it('holds a reply until a replica has what it says', async () => {
    cable.hold('requests', 'replies');
    let told = false;
    const held = node.commits.hold('k', node.redis.set('k', 'new'), replicated).then(() => {
      told = true;
    });
    await eventually(async () => expect(await node.redis.info('clients')).toMatch(/blocked_clients:1/));
    expect(await node.commits.hold('k', node.redis.get('k'), () => 'local')).toBe('new');
    expect(told).toBe(false);
    cable.heal();
    await held;
    expect(await follower.get('k')).toBe('new');
  });

  it('asks once for all that came in one turn', async () => {
    const before = await callsOf(node.redis, 'wait');
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => node.commits.hold('k', node.redis.set('k', i), replicated)),
    );
    expect(await callsOf(node.redis, 'wait')).toBe(before + 1);
  });

  it('fails within 5 s when no replica confirms, and so does a call that finds its effect done already', async () => {
    cable.hold('requests', 'replies');
    const sentAt = performance.now();
    const first = node.commits.hold('k', node.redis.set('k', 'lost?'), replicated);
    await expect(first).rejects.toThrow(/No replica of Redis confirmed in time/);
    await expect(node.commits.hold('k', node.redis.get('k'), replicated)).rejects.toThrow(StoreUnavailable);
    expect(performance.now() - sentAt).toBeLessThan(2 * 5_000);
    cable.heal();
    await node.commits.hold('k', node.redis.get('k'), replicated);
    expect(await follower.get('k')).toBe('lost?');
  });

  it('does not take the word of another process than the one that replied', async () => {
    await using other = await RedisReplication.start();
    const proxy = await TcpProxy.start(pair.primary.port);
    const stale = await connectTo(proxy.url);
    try {
      // As after a failover behind one address: open connections stay where they are.
      proxy.leadTo(other.primary.port);
      const held = stale.commits.hold('k', stale.redis.set('k', 'of the old one'), replicated);
      await expect(held).rejects.toThrow(/Another Redis has taken over/);
    } finally {
      stale.close();
      await proxy.stop();
    }
  });
});

const fsync = () => 'fsync' as const;
/** Whether the Redis of the tests can be asked to wait for its disk. */
const waitsForDisk = isRedisFrom(7, 2);

describe('Commits, fsync', () => {
  it('refuses a Redis without an append-only file', async () => {
    await using redis = await RedisServer.start();
    const node = await connectTo(redis.url);
    await expect(node.commits.confirm('fsync', 'k')).rejects.toThrow(/set appendonly yes/);
    node.close();
  });
});

const ofOneThatCan = () => {
  it('asks once for all that came in one turn, also while the file is written anew', async () => {
    await using redis = await RedisServer.start({ durable: true, args: ['--appendfsync', 'everysec'] });
    const node = await connectTo(redis.url);
    const all = Array.from({ length: 50 }, (_, i) => node.commits.hold('k', node.redis.set('k', i), fsync));
    // Nothing else waits for it.
    expect(await node.commits.hold('k', node.redis.get('k'), () => 'local')).toBe('49');
    expect(await Promise.all(all)).toEqual(all.map(() => 'OK'));
    expect(await callsOf(node.redis, 'waitaof')).toBe(1);
    await node.redis.bgrewriteaof();
    expect(await node.commits.hold('k', node.redis.set('k', 'during'), fsync)).toBe('OK');
    expect(await callsOf(node.redis, 'config\\|get')).toBe(0);
    node.close();
  });

  it('takes the word of one that always writes to its disk first as well', async () => {
    await using redis = await RedisServer.start({ durable: true, args: ['--appendfsync', 'always'] });
    const node = await connectTo(redis.url);
    expect(await node.commits.hold('k', node.redis.set('k', 'v'), fsync)).toBe('OK');
    node.close();
  });
};

const ofOneThatCannot = () => {
  it('takes the word of a Redis that always writes to its disk first', async () => {
    await using redis = await RedisServer.start({ durable: true, args: ['--appendfsync', 'always'] });
    const node = await connectTo(redis.url);
    expect(await node.commits.hold('k', node.redis.set('k', 'v'), fsync)).toBe('OK');
    await node.redis.config('SET', 'appendfsync', 'everysec');
    await expect(node.commits.hold('k', node.redis.set('k', 'w'), fsync)).rejects.toThrow(
      /set appendonly yes and appendfsync always, or use Redis 7\.2 or newer/,
    );
    node.close();
  });

  it.each([
    ['*2\r\n:1\r\n:0\r\n', 'confirms'],
    ['*2\r\n:0\r\n:0\r\n', 'fails'],
    ['-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n', 'refuses'],
  ])('asks a Redis that has WAITAOF: %j %s', async (answer, outcome) => {
    await using redis = await RedisServer.start();
    const newer = await startCable(redis.port, answer);
    const node = await connectTo(newer.url);
    const confirmed = node.commits.confirm('fsync', 'k');
    if (outcome === 'confirms') await confirmed;
    if (outcome === 'fails') await expect(confirmed).rejects.toThrow(/did not confirm in time/);
    if (outcome === 'refuses') await expect(confirmed).rejects.toThrow(/set appendonly yes/);
    // One on the local disk, none at replicas, within 1.5 s.
    expect(newer.sent()).toContain('$7\r\nWAITAOF\r\n$1\r\n1\r\n$1\r\n0\r\n$4\r\n1500\r\n');
    expect(newer.sent()).not.toMatch(/config/i);
    node.close();
    newer.close();
  });
};

if (waitsForDisk) describe('Commits, fsync, by a Redis that can wait for its disk', ofOneThatCan);
else describe('Commits, fsync, by a Redis that cannot wait for its disk', ofOneThatCannot);

/** A cable to a Redis that knows no WAITAOF, on which it answers as a newer one does. */
async function startCable(port: number, answer: string) {
  let sent = '';
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    client.on('data', (bytes) => {
      sent += bytes.toString('latin1');
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      client.write(
        bytes.toString('latin1').replace(/-ERR unknown command 'WAITAOF'.*?\r\n/, answer),
        'latin1',
      );
    });
    for (const socket of [client, upstream]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, sent: () => sent, close: () => server.close() };
}
