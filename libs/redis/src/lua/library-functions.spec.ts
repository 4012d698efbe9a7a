import { eventually, LuaFolders, RedisCluster, RedisServer } from '@syncline/testing';
import { commandConnection, type RedisClient } from '../connection/connection.js';
import { StoreUnavailable } from '../store-unavailable.js';
import { LuaLibrary } from './library.js';

const keys = (key: string) => [key];

describe('the Redis Functions of a library', () => {
  const folders = new LuaFolders();
  const libraryOf = (version: string) =>
    new LuaLibrary(
      'test',
      folders.make({
        'increment.lua': `return function() return { '${version}', redis.call('INCR', KEYS[1]) } end`,
        'keep.lua': "#!lua flags=allow-oom\nreturn function() return redis.call('GET', KEYS[1]) end",
      }),
    );
  const incrementOf = (library: LuaLibrary) =>
    library.command({ name: 'increment', keys, decode: (reply) => reply as [string, number] });

  const library = libraryOf('one');
  const increment = incrementOf(library);
  let server: RedisServer;
  let admin: ReturnType<RedisServer['connect']>;
  let redis: RedisClient;

  const connect = async (url: string): Promise<RedisClient> => {
    const connection = commandConnection(url, 'test');
    connection.on('error', () => {});
    await connection.connect();
    return connection;
  };
  const calls = async (command: string) =>
    Number(
      new RegExp(`cmdstat_${command.replace('|', '\\|')}:calls=(\\d+)`).exec(
        await admin.info('commandstats'),
      )?.[1] ?? 0,
    );

  beforeAll(async () => {
    server = await RedisServer.start({ durable: true, args: ['--appendfsync', 'always'] });
    admin = server.connect();
    redis = await connect(server.url);
  });
  beforeEach(async () => {
    await admin.function('FLUSH');
    await admin.flushall();
    await admin.config('RESETSTAT');
  });
  afterAll(async () => {
    redis.disconnect();
    admin.disconnect();
    await server.stop();
    folders.remove();
  });

  it('run next to those of another version, under load', async () => {
    const both = [increment, incrementOf(libraryOf('two'))];
    const replies = await Promise.all(
      Array.from({ length: 2_000 }, async (_, i) => {
        await new Promise(setImmediate);
        return both[i % 2]?.(redis, 'shared');
      }),
    );
    expect(replies.map((reply) => reply?.[0])).toEqual(replies.map((_, i) => (i % 2 === 0 ? 'one' : 'two')));
    expect(await admin.get('shared')).toBe('2000');
    expect(await calls('function|load')).toBe(2);
  });

  it('are loaded again after every flush, and each call runs exactly once', async () => {
    let flushed = 0;
    let running = true;
    const flushing = (async () => {
      while (running) {
        await admin.function('FLUSH');
        flushed += 1;
        const before = Number(await admin.get('flushed'));
        await eventually(async () => {
          if (running && Number(await admin.get('flushed')) === before) throw new Error('No call ran');
        });
      }
    })();
    for (let turn = 0; turn < 100; turn += 1) {
      await Promise.all(Array.from({ length: 20 }, () => increment(redis, 'flushed')));
    }
    running = false;
    await flushing;
    expect(flushed).toBeGreaterThan(3);
    expect(await admin.get('flushed')).toBe('2000');
    expect(await calls('eval')).toBe(0);
  });

  it('survive a restart of a durable Redis without another load', async () => {
    await increment(redis, 'kept');
    await server.restart();
    expect(await increment(redis, 'kept')).toEqual(['one', 2]);
    expect(await calls('function|load')).toBe(0);
  });

  it('serve a user who may call but not load them once another user loaded them; until then scripts do', async () => {
    await admin.acl('SETUSER', 'caller', 'on', '>secret', '~*', '+@all', '-function');
    const url = server.url.replace('redis://', 'redis://caller:secret@');
    const early = await connect(url);
    const late = await connect(url);
    try {
      expect(await increment(early, 'called')).toEqual(['one', 1]);
      expect(await calls('evalsha')).toBe(1);
      await increment(redis, 'called');
      expect(await increment(late, 'called')).toEqual(['one', 3]);
      expect(await calls('evalsha')).toBe(1);
    } finally {
      early.disconnect();
      late.disconnect();
    }
  });

  it('are replaced by scripts while Redis is too full to load them', async () => {
    const keep = library.command({ name: 'keep', keys, decode: (reply) => reply });
    await admin.config('SET', 'maxmemory', '1');
    try {
      await expect(increment(redis, 'full')).rejects.toThrow(StoreUnavailable);
      expect(await keep(redis, 'full')).toBeNull();
      expect(await keep(redis, 'full')).toBeNull();
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
    await eventually(async () => {
      await increment(redis, 'full');
      expect(await admin.function('LIST')).toHaveLength(1);
    });
  });

  it('are loaded on each called primary of a Redis Cluster, again after it lost them', async () => {
    await using cluster = await RedisCluster.start();
    const clustered = await connect(cluster.url);
    const nodes = cluster.servers.map((each) => each.connect());
    try {
      const [first] = await increment(clustered, '{a}');
      expect(first).toBe('one');
      const having = await Promise.all(nodes.map((node) => node.function('LIST')));
      expect(having.filter((list) => list.length === 1)).toHaveLength(1);
      const names = Array.from({ length: 60 }, (_, i) => `{${i}}`);
      await Promise.all(names.map((name) => increment(clustered, name)));
      await nodes[1]?.function('FLUSH');
      const replies = await Promise.all(names.map((name) => increment(clustered, name)));
      expect(replies).toEqual(names.map(() => ['one', 2]));
      for (const node of nodes) expect(await node.function('LIST')).toHaveLength(1);
      // Once on each of the three, and once more on the one that had forgotten them.
      const stats = await Promise.all(nodes.map((node) => node.info('commandstats')));
      const loads = stats.map((each) => Number(/cmdstat_function\|load:calls=(\d+)/.exec(each)?.[1] ?? 0));
      expect(loads.sort()).toEqual([1, 1, 2]);
    } finally {
      clustered.disconnect();
      for (const node of nodes) node.disconnect();
    }
  });
});
