import { eventually, LuaFolders, RedisServer } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { commandConnection, type RedisClient, singleLifeConnection } from '../connection/connection.js';
import { UnknownInstance } from '../unknown-instance.js';
import { LuaLibrary } from './library.js';

/** The key that names the current instance, as an engine stores it with its data. */
const CURRENT = 'current';
const SETTINGS = [
  '--repl-diskless-sync-delay',
  '0',
  '--user',
  'scripter',
  'on',
  '>secret',
  '~*',
  '&*',
  '+@all',
  '-fcall',
  '-function',
];

describe.each(['functions', 'scripts'])('a Redis instance, by %s,', (means) => {
  const folders = new LuaFolders();
  const library = new LuaLibrary(
    'test',
    folders.make({
      // Relies only on the entered instance.
      'write.lua': "return function() return { INSTANCE, redis.call('INCR', KEYS[1]) } end",
      // Correct: the entered instance must also be the one in the data.
      'write-checked.lua': [
        'return function()',
        `  if redis.call('GET', '${CURRENT}') ~= INSTANCE then return redis.error_reply('INSTANCE is another one') end`,
        "  return { INSTANCE, redis.call('INCR', KEYS[1]) }",
        'end',
      ].join('\n'),
      'begin.lua': `return function() return redis.call('SET', '${CURRENT}', ARGV[1]) end`,
    }),
  );
  const define = (name: string) =>
    library.command({
      name,
      keys: () => ['key'],
      instance: (instance: string) => instance,
      decode: (reply) => reply as [string, number],
    });
  const write = define('write');
  const writeChecked = define('write-checked');
  const begin = library.command({
    name: 'begin',
    keys: () => ['key'],
    args: (instance: string) => [instance],
    decode: () => undefined,
  });

  const servers: RedisServer[] = [];
  const connections: (Redis | RedisClient)[] = [];
  afterEach(async () => {
    for (const connection of connections.splice(0)) connection.disconnect();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });
  afterAll(() => folders.remove());

  const start = async (options: { durable?: boolean } = {}) => {
    const server = await RedisServer.start({ ...options, args: SETTINGS });
    servers.push(server);
    const url =
      means === 'functions' ? server.url : server.url.replace('redis://', 'redis://scripter:secret@');
    const redis = commandConnection(url, 'test');
    const admin = server.connect();
    connections.push(redis, admin);
    redis.on('error', () => {});
    admin.on('error', () => {});
    await redis.connect();
    /** Enters an instance, and with `begins` also writes it to the data. */
    const enter = async (instance: string, begins = true) => {
      const process = singleLifeConnection(url, 'test');
      await process.connect();
      try {
        if (begins) await begin(process, instance);
        await library.enter(process, redis, { instance, scope: 'all' });
      } finally {
        process.disconnect();
      }
    };
    return { server, redis, admin, enter };
  };

  it('must be entered before a call for it can run', async () => {
    const { redis, enter, admin } = await start();
    await expect(write(redis, 'first')).rejects.toThrow(UnknownInstance);
    await enter('first');
    expect(await write(redis, 'first')).toEqual(['first', 1]);
    await expect(write(redis, 'second')).rejects.toThrow(UnknownInstance);
    expect(await writeChecked(redis, 'first')).toEqual(['first', 2]);
    expect(await admin.get('key')).toBe('2');
  });

  it.each([true, false])('ends when Redis restarts, with durable data: %p', async (durable) => {
    const { server, redis, enter } = await start({ durable });
    await enter('first');
    await write(redis, 'first');
    await server.restart();
    await expect(write(redis, 'first')).rejects.toThrow(UnknownInstance);
    await expect(writeChecked(redis, 'first')).rejects.toThrow(UnknownInstance);
    await enter('second');
    expect((await write(redis, 'second'))[0]).toBe('second');
  });

  it('can be entered again when Redis lost only its functions and scripts', async () => {
    const { redis, admin, enter } = await start();
    await enter('first');
    await admin.function('FLUSH');
    await admin.script('FLUSH');
    await expect(write(redis, 'first')).rejects.toThrow(UnknownInstance);
    await enter('first');
    expect(await write(redis, 'first')).toEqual(['first', 1]);
  });

  it('can be entered in a full Redis', async () => {
    const { redis, admin, enter } = await start();
    await enter('first');
    await admin.function('FLUSH');
    await admin.config('SET', 'maxmemory', '1');
    await enter('first', false);
    // The instance is known, but the command may not start in a full Redis.
    await expect(write(redis, 'first')).rejects.toThrow(/OOM/);
    await admin.config('SET', 'maxmemory', '0');
    expect(await write(redis, 'first')).toEqual(['first', 1]);
  });

  it('is unknown to a promoted replica', async () => {
    const primary = await start();
    const replica = await start();
    await follow(replica, primary);
    await primary.enter('first');
    await replicated(primary);
    await promote(replica);
    expect(await replica.admin.get(CURRENT)).toBe('first');
    await expect(write(replica.redis, 'first')).rejects.toThrow(UnknownInstance);
    await expect(writeChecked(replica.redis, 'first')).rejects.toThrow(UnknownInstance);
  });

  it('is unknown to a primary that did a full sync from another one and is promoted again', async () => {
    const primary = await start();
    const other = await start();
    await primary.enter('first');
    // The two share no history, so this is a full sync.
    await other.enter('second');
    await follow(primary, other);
    await promote(primary);
    await expect(writeChecked(primary.redis, 'first')).rejects.toThrow(UnknownInstance);
    await expect(writeChecked(primary.redis, 'second')).rejects.toThrow(UnknownInstance);
    if (means === 'functions') await expect(write(primary.redis, 'first')).rejects.toThrow(UnknownInstance);
  });

  it('must be compared with the data when a primary comes back after a partial sync', async () => {
    const primary = await start();
    const replica = await start();
    await follow(replica, primary);
    await primary.enter('first');
    await write(primary.redis, 'first');
    await replicated(primary);
    await promote(replica);
    await follow(primary, replica);
    expect(await primary.admin.info('stats')).toMatch(/sync_full:1\b/);
    expect(await replica.admin.info('stats')).toMatch(/sync_partial_ok:1\b/);
    await replica.enter('second');
    await replicated(replica);
    await promote(primary);
    // The process still knows its earlier instance, so a command must also compare it with the data.
    expect((await write(primary.redis, 'first'))[0]).toBe('first');
    await expect(writeChecked(primary.redis, 'first')).rejects.toThrow(UnknownInstance);
    await expect(writeChecked(primary.redis, 'second')).rejects.toThrow(UnknownInstance);
    await primary.enter('third');
    expect((await writeChecked(primary.redis, 'third'))[0]).toBe('third');
  });

  it('cannot be entered on a replica', async () => {
    const primary = await start();
    const replica = await start();
    await primary.enter('first');
    await follow(replica, primary);
    if (means === 'functions') {
      await expect(replica.enter('first', false)).rejects.toThrow(/READONLY/);
    }
    await expect(replica.enter('first')).rejects.toThrow(/READONLY/);
  });
});

interface Side {
  readonly server: RedisServer;
  readonly admin: Redis;
}

async function follow({ admin }: Side, primary: Side): Promise<void> {
  await admin.replicaof('127.0.0.1', primary.server.port);
  await eventually(async () => {
    expect(await admin.info('replication')).toMatch(/master_link_status:up/);
  });
}

/** Waits until the replica has all writes. */
async function replicated({ admin }: Side): Promise<void> {
  await admin.set('told', 'all');
  await admin.wait(1, 0);
}

async function promote({ admin }: Side): Promise<void> {
  await admin.replicaof('NO', 'ONE');
}
