import { eventually, LuaFolders, RedisServer } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { commandConnection, type RedisClient, singleLifeConnection } from '../connection/connection.js';
import { UnknownInstance } from '../unknown-instance.js';
import { LuaLibrary } from './library.js';

/** The key that says which instance is the current one, as an engine keeps it beside its data. */
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

describe.each(['functions', 'scripts'])('an instance of Redis, by %s', (means) => {
  const folders = new LuaFolders();
  const library = new LuaLibrary(
    'test',
    folders.make({
      // Trusts what was entered alone.
      'write.lua': "return function() return { INSTANCE, redis.call('INCR', KEYS[1]) } end",
      // As it ought to be: what was entered must be what the data says.
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
    /** Begins an instance in the data, or not, and tells the process that it is this one. */
    const enter = async (instance: string, begins = true) => {
      const process = singleLifeConnection(url, 'test');
      await process.connect();
      try {
        if (begins) await begin(process, instance);
        await library.enter(process, redis, instance);
      } finally {
        process.disconnect();
      }
    };
    return { server, redis, admin, enter };
  };

  it('must be entered, and no call runs in another one', async () => {
    const { redis, enter, admin } = await start();
    await expect(write(redis, 'first')).rejects.toThrow(UnknownInstance);
    await enter('first');
    expect(await write(redis, 'first')).toEqual(['first', 1]);
    await expect(write(redis, 'second')).rejects.toThrow(UnknownInstance);
    expect(await writeChecked(redis, 'first')).toEqual(['first', 2]);
    expect(await admin.get('key')).toBe('2');
  });

  it.each([true, false])('ends with the process, with its data kept: %p', async (durable) => {
    const { server, redis, enter } = await start({ durable });
    await enter('first');
    await write(redis, 'first');
    await server.restart();
    await expect(write(redis, 'first')).rejects.toThrow(UnknownInstance);
    await expect(writeChecked(redis, 'first')).rejects.toThrow(UnknownInstance);
    await enter('second');
    expect((await write(redis, 'second'))[0]).toBe('second');
  });

  it('is entered again when Redis has only lost its functions and scripts', async () => {
    const { redis, admin, enter } = await start();
    await enter('first');
    await admin.function('FLUSH');
    await admin.script('FLUSH');
    await expect(write(redis, 'first')).rejects.toThrow(UnknownInstance);
    await enter('first');
    expect(await write(redis, 'first')).toEqual(['first', 1]);
  });

  it('may be entered in a full Redis', async () => {
    const { redis, admin, enter } = await start();
    await enter('first');
    await admin.function('FLUSH');
    await admin.config('SET', 'maxmemory', '1');
    await enter('first', false);
    // Not refused as unknown: the instance is, but the command may not begin.
    await expect(write(redis, 'first')).rejects.toThrow(/OOM/);
    await admin.config('SET', 'maxmemory', '0');
    expect(await write(redis, 'first')).toEqual(['first', 1]);
  });

  it('is not known to a replica that is promoted', async () => {
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

  it('is not that of a primary that took over all data of another and is promoted again', async () => {
    const primary = await start();
    const other = await start();
    await primary.enter('first');
    // Its own data is not what it has in common with the other: it takes over all of that.
    await other.enter('second');
    await follow(primary, other);
    await promote(primary);
    await expect(writeChecked(primary.redis, 'first')).rejects.toThrow(UnknownInstance);
    await expect(writeChecked(primary.redis, 'second')).rejects.toThrow(UnknownInstance);
    if (means === 'functions') await expect(write(primary.redis, 'first')).rejects.toThrow(UnknownInstance);
  });

  it('is told by the data when a primary comes back that had missed nothing of its own', async () => {
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
    // The process still knows what it was before: what the data says is needed, too.
    expect((await write(primary.redis, 'first'))[0]).toBe('first');
    await expect(writeChecked(primary.redis, 'first')).rejects.toThrow(UnknownInstance);
    await expect(writeChecked(primary.redis, 'second')).rejects.toThrow(UnknownInstance);
    await primary.enter('third');
    expect((await writeChecked(primary.redis, 'third'))[0]).toBe('third');
  });

  it('is not entered on a replica', async () => {
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

/** Waits until its replica has all that it was told. */
async function replicated({ admin }: Side): Promise<void> {
  await admin.set('told', 'all');
  await admin.wait(1, 0);
}

async function promote({ admin }: Side): Promise<void> {
  await admin.replicaof('NO', 'ONE');
}
