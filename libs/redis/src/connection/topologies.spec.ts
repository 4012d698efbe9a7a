import { eventually, freePort, RedisCluster, RedisSentinels, RedisServer, TcpProxy } from '@syncline/testing';
import type { Cluster } from 'ioredis';
import { sendWhenReady } from '../send.js';
import { StoreUnavailable } from '../store-unavailable.js';
import {
  commandConnection,
  type RedisClient,
  singleLifeConnection,
  subscriberConnection,
} from './connection.js';

/** How a caller is to be answered, whatever is wrong with Redis. */
const BOUND_MS = 5_000;

const connections: RedisClient[] = [];
async function connect(url: string): Promise<RedisClient> {
  const redis = commandConnection(url, 'test');
  connections.push(redis);
  redis.on('error', () => undefined);
  redis.connect().catch(() => undefined);
  await eventually(() => redis.ping());
  return redis;
}
afterEach(() => {
  for (const redis of connections.splice(0)) redis.disconnect();
});

const increment = (redis: RedisClient, key: string) => sendWhenReady(redis, () => redis.incr(key));

const refusedWith = (error: unknown) => (error instanceof StoreUnavailable ? error.code : String(error));

describe('Sentinels', () => {
  let sentinels: RedisSentinels;

  beforeAll(async () => {
    sentinels = await RedisSentinels.start({ password: 's3cret', sentinelPassword: 'an0ther' });
  });
  afterAll(() => sentinels.stop());

  const connectToPrimary = async () => {
    const redis = commandConnection({ url: sentinels.url, sentinel: { password: 'an0ther' } }, 'test');
    connections.push(redis);
    redis.on('error', () => undefined);
    redis.connect().catch(() => undefined);
    await eventually(() => redis.ping());
    return redis;
  };

  it('lead to the primary, with passwords of their own', async () => {
    const redis = await connectToPrimary();
    await increment(redis, 'led');
    const primary = await sentinels.primary();
    expect(await sentinels.on(primary, (each) => each.get('led'))).toBe('1');
  });

  it('lead on when they tell of a failover while a connection is already looking for the primary', async () => {
    const redis = await connectToPrimary();
    const attempt = new Promise((resolve) => redis.once('connecting', resolve));
    redis.disconnect(true);
    await attempt;
    // What a sentinel's message does.
    redis.disconnect(true);
    await eventually(() => redis.ping());
    redis.disconnect();
    await eventually(() => expect(redis.status).toBe('end'));
  });

  it('lead to the new primary after a failover, though the old one lives on and keeps its connections', async () => {
    const redis = await connectToPrimary();
    await increment(redis, 'failover');
    const before = await sentinels.primary();
    await sentinels.failover();
    const primary = await sentinels.primary();
    expect(primary).not.toBe(before);
    // The old one takes writes until it hears that it is a replica now: those are lost.
    await eventually(async () => {
      await increment(redis, 'after');
      expect(await sentinels.on(primary, (each) => each.get('after'))).not.toBeNull();
    });
  });

  it('lead to the new primary when the old one is frozen, and never hold a call up for long', async () => {
    const redis = await connectToPrimary();
    const before = await sentinels.primary();
    before.freeze();
    try {
      const from = performance.now();
      await increment(redis, 'frozen').catch((error: unknown) =>
        expect(error).toBeInstanceOf(StoreUnavailable),
      );
      expect(performance.now() - from).toBeLessThan(BOUND_MS);
      await sentinels.movedFrom(before);
      await eventually(() => increment(redis, 'frozen'));
    } finally {
      before.thaw();
    }
  });
});

describe('Sentinels that are all away', () => {
  const url = async () => `redis-sentinel://127.0.0.1:${await freePort()}#mymaster`;

  it('hold no call up, on a connection that looks for them again', async () => {
    const redis = commandConnection(await url(), 'test');
    connections.push(redis);
    redis.on('error', () => undefined);
    redis.connect().catch(() => undefined);
    await expect(increment(redis, 'away')).rejects.toBeInstanceOf(StoreUnavailable);
  });

  it('end a connection of one life', async () => {
    const redis = singleLifeConnection(await url(), 'test');
    connections.push(redis);
    redis.on('error', () => undefined);
    await expect(redis.connect()).rejects.toThrow('sentinels');
  });
});

describe('One address', () => {
  it('that leads to a replica after a failover is connected to again, and reaches the primary', async () => {
    await using primary = await RedisServer.start();
    await using replica = await RedisServer.start({
      args: ['--replicaof', `127.0.0.1 ${primary.port}`, '--repl-diskless-sync-delay', '0'],
    });
    const proxy = await TcpProxy.start(primary.port);
    try {
      const redis = await connect(proxy.url);
      await increment(redis, 'n');
      const [toPrimary, toReplica] = [primary.connect(), replica.connect()];
      await eventually(async () => expect(await toReplica.get('n')).toBe('1'));
      await toReplica.replicaof('NO', 'ONE');
      await toPrimary.replicaof('127.0.0.1', replica.port);
      // New connections lead to the new primary; those that stand stay where they are.
      proxy.leadTo(replica.port);
      await eventually(() => increment(redis, 'n'));
      expect(await toReplica.get('n')).toBe('2');
      toPrimary.disconnect();
      toReplica.disconnect();
    } finally {
      await proxy.stop();
    }
  });
});

describe('A Redis Cluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await RedisCluster.start({ replicas: 1 });
  });
  afterAll(() => cluster.stop());

  it('does nothing twice when its connections break after a command was sent', async () => {
    const redis = (await connect(cluster.url)) as Cluster;
    const keys = Array.from({ length: 12 }, (_, i) => `cut-${i}`);
    await Promise.all(keys.map((key) => redis.set(key, 0)));
    const primaries = redis.nodes('master');
    // The commands lie before Redis when the connections end; it reads and runs them, and has nobody to answer.
    for (const server of cluster.servers) server.freeze();
    const outcomes = keys.map((key) => increment(redis, key).then(() => 'done', refusedWith));
    await new Promise(setImmediate);
    await eventually(() => expect(primaries.map((each) => each.stream.writableLength)).toEqual([0, 0, 0]));
    for (const each of primaries) each.stream.destroy();
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['store-unavailable']));
    for (const server of cluster.servers) server.thaw();

    await eventually(async () => {
      for (const key of keys) expect(await redis.get(key)).toBe('1');
    });
  });

  it('is followed to where a slot moved, and the slots are looked up again', async () => {
    const redis = (await connect(cluster.url)) as Cluster;
    await redis.set('{moved}a', 'x');
    const from = await cluster.primaryOf('{moved}');
    const to = cluster.servers.slice(0, 3).find((server) => server !== from) as RedisServer;
    const clients = cluster.servers.slice(0, 3).map((server) => server.connect());
    const [source, target] = [from.connect(), to.connect()];
    const slot = Number(await source.call('CLUSTER', 'KEYSLOT', '{moved}a'));
    const id = async (client: typeof source) => String(await client.call('CLUSTER', 'MYID'));

    await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await id(source));
    await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await id(target));
    await source.call('MIGRATE', '127.0.0.1', to.port, '{moved}a', 0, 5_000);
    // On its way: neither here nor there, so that no second copy of the name comes to be.
    await expect(sendWhenReady(redis, () => redis.set('{moved}a', 'y'))).rejects.toThrow(StoreUnavailable);
    await expect(sendWhenReady(redis, () => redis.get('{moved}b'))).rejects.toThrow('ASK');

    for (const client of [target, source, ...clients]) {
      await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', await id(target));
    }
    await eventually(() => sendWhenReady(redis, () => redis.set('{moved}a', 'z')));
    expect(await target.get('{moved}a')).toBe('z');
    await eventually(() => expect(redis.slots[slot]?.[0]).toBe(`127.0.0.1:${to.port}`));
    for (const client of [target, source, ...clients]) client.disconnect();
  });

  it('answers within the bound when a primary is frozen, and goes on at its replica', async () => {
    const redis = await connect(cluster.url);
    await increment(redis, 'frozen');
    const primary = await cluster.primaryOf('frozen');
    primary.freeze();
    try {
      for (let i = 0; i < 3; i++) {
        const from = performance.now();
        await increment(redis, 'frozen').catch((error: unknown) =>
          expect(error).toBeInstanceOf(StoreUnavailable),
        );
        expect(performance.now() - from).toBeLessThan(BOUND_MS);
      }
      await eventually(() => increment(redis, 'frozen'));
    } finally {
      primary.thaw();
    }
  });

  it('is heard by a subscriber that is watched: a connection that died in silence is made again elsewhere', async () => {
    const proxies = await Promise.all(cluster.servers.slice(0, 3).map(({ port }) => TcpProxy.start(port)));
    const subscriber = subscriberConnection(proxies.map(({ url }) => url).join(), 'test');
    connections.push(subscriber);
    subscriber.on('error', () => undefined);
    const heard: string[] = [];
    subscriber.on('message', (_channel, message: string) => heard.push(message));
    subscriber.on('ready', () => void subscriber.subscribe('news').catch(() => undefined));
    subscriber.connect().catch(() => undefined);
    const pings = setInterval(() => subscriber.ping().catch(() => undefined), 200);
    const redis = await connect(cluster.url);
    const say = async (text: string) => {
      await redis.publish('news', text);
      expect(heard).toContain(text);
    };
    try {
      await eventually(() => say('first'));
      for (const proxy of proxies) proxy.drop('requests', 'replies');
      await eventually(() => expect(subscriber.status).not.toBe('ready'));
      for (const proxy of proxies) proxy.heal();
      await eventually(() => say('second'));
    } finally {
      clearInterval(pings);
      await Promise.all(proxies.map((proxy) => proxy.stop()));
    }
  });
});
