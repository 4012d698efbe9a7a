import { once } from 'node:events';
import type { Problem } from '@syncline/contracts';
import { LuaFolders, RedisServer, TcpProxy } from '@syncline/testing';
import { commandConnection, type RedisClient } from '../connection/connection.js';
import { StoreUnavailable } from '../store-unavailable.js';
import { type Happening, onHappenings } from './happenings.js';
import { LuaLibrary } from './library.js';

const COMMANDS = {
  'increment.lua': "return function() return redis.call('INCR', KEYS[1]) end",
  // Counts its calls in a variable of the call, and in a variable of the library.
  'count-calls.lua':
    '-- @include parts/counts.lua\nreturn function() Counts.of_call = Counts.of_call + 1; Counts.of_all = Counts.of_all + 1; return { Counts.of_call, Counts.of_all } end',
  'parts/counts.lua': 'local Counts = { of_all = 0 }\neach_call(function() Counts.of_call = 0 end)',
  'echo.lua': 'return function() return { #KEYS, #ARGV, unpack(ARGV) } end',
  'instance.lua': 'return function() return tostring(INSTANCE) end',
  'broken.lua': 'return function() return nil + 1 end',
  'wrong-type.lua': "return function() return redis.call('HGET', KEYS[1], 'a') end",
  'grow.lua': "return function() return redis.call('SET', KEYS[1], 'grown') end",
  // Tells as often as it is asked to; every third time of another name.
  'happen.lua':
    "-- @include @redis/happened.lua\nreturn function() for i = 1, ARGV[1] do happened('fell', i % 3 == 0 and 'n' .. i or 'n', { from = 'up' }) end return ARGV[2] end",
  'keep.lua': "#!lua flags=allow-oom\nreturn function() return redis.call('SET', KEYS[1], 'kept') end",
  'read.lua': "#!lua flags=no-writes\nreturn function() return redis.call('GET', KEYS[1]) end",
};

describe.each(['functions', 'scripts'])('a Lua library, by %s,', (means) => {
  const folders = new LuaFolders();
  let server: RedisServer;
  let proxy: TcpProxy;
  let redis: RedisClient;
  let admin: ReturnType<RedisServer['connect']>;

  const library = new LuaLibrary('test', folders.make(COMMANDS));
  const keys = (key: string) => [key];
  const increment = library.command({ name: 'increment', keys, decode: Number });
  const plain = (name: string) => library.command({ name, keys, decode: (reply) => reply });

  beforeAll(async () => {
    const rights = means === 'functions' ? [] : ['-fcall', '-function'];
    const user = ['--user', 'tester', 'on', '>secret', '~*', '&*', '+@all', ...rights];
    server = await RedisServer.start({ args: user });
    admin = server.connect();
    proxy = await TcpProxy.start(server.port);
    redis = commandConnection(proxy.url.replace('redis://', 'redis://tester:secret@'), 'test');
    redis.on('error', () => {});
    await redis.connect();
  });
  afterAll(async () => {
    redis.disconnect();
    admin.disconnect();
    await proxy.stop();
    await server.stop();
    folders.remove();
  });

  it('runs its commands, and is loaded by the first call', async () => {
    expect(await increment(redis, 'first')).toBe(1);
    expect(await increment(redis, 'first')).toBe(2);
    expect(await admin.function('LIST')).toHaveLength(means === 'functions' ? 1 : 0);
  });

  it.each([false, true])(
    'tells of what happened beside the reply (binary: %s), alike things once',
    async (binary) => {
      const told: Happening[] = [];
      onHappenings(redis, (happenings) => told.push(...happenings));
      const happen = library.command({
        name: 'happen',
        keys,
        binary,
        args: (key: string) => [key, 'own'],
        decode: (reply) => String(reply),
      });
      expect(await happen(redis, '0')).toBe('own');
      expect(told).toEqual([]);
      expect(await happen(redis, '4')).toBe('own');
      expect(told.splice(0)).toEqual([
        { type: 'fell', name: 'n', from: 'up', count: 3 },
        { type: 'fell', name: 'n3', from: 'up', count: 1 },
      ]);
      await happen(redis, '900');
      expect(told).toHaveLength(101);
      expect(told.at(-1)).toEqual({ type: 'omitted', of: 'fell', count: 201 });
      const silent = library.command({
        name: 'happen',
        keys,
        args: (key: string) => [key],
        decode: (reply) => reply,
      });
      expect(await silent(redis, '1')).toBeNull();
    },
  );

  it('runs each call once when Redis lost the library and a whole turn of calls misses it', async () => {
    await admin.function('FLUSH');
    await admin.script('FLUSH');
    await admin.config('RESETSTAT');
    const replies = await Promise.all(Array.from({ length: 20 }, () => increment(redis, 'turn')));
    expect(replies.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    const loads = /cmdstat_function\|load:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1];
    expect(loads).toBe(means === 'functions' ? '1' : undefined);
  });

  it('resets the variables of a call before each call', async () => {
    const countCalls = plain('count-calls');
    await countCalls(redis, 'any');
    const [ofCall, ofAll] = (await countCalls(redis, 'any')) as number[];
    expect(ofCall).toBe(1);
    expect(ofAll).toBe(means === 'functions' ? 2 : 1);
  });

  it('passes keys and arguments unchanged, without the instance', async () => {
    const echo = library.command({
      name: 'echo',
      keys: () => ['{k}1', '{k}2'],
      args: (args: (string | number)[]) => args,
      decode: (reply) => reply,
    });
    expect(await echo(redis, [])).toEqual([2, 0]);
    expect(await echo(redis, ['', 5, 'three'])).toEqual([2, 3, '', '5', 'three']);
    expect(await plain('instance')(redis, 'any')).toBe('false');
  });

  it('passes binary arguments and replies', async () => {
    const echo = library.command({
      name: 'echo',
      keys: () => ['k'],
      args: (bytes: Buffer) => [bytes],
      binary: true,
      decode: (reply) => (reply as [number, number, Buffer])[2],
    });
    const bytes = Buffer.from([0, 255, 128, 10, 13]);
    expect(await echo(redis, bytes)).toEqual(bytes);
  });

  it('rethrows a bug in a command, or in the decoding of its reply, unchanged', async () => {
    await expect(plain('broken')(redis, 'any')).rejects.toThrow(/attempt to perform arithmetic/);
    await admin.set('text', 'x');
    await expect(plain('wrong-type')(redis, 'text')).rejects.toThrow(/^WRONGTYPE/);
    const decode = () => {
      throw new TypeError('not what was expected');
    };
    await expect(library.command({ name: 'echo', keys, decode })(redis, 'any')).rejects.toThrow(TypeError);
  });

  it('refuses to define a command that is not on its shelf', () => {
    expect(() => plain('missing')).toThrow(/has no command missing/);
  });

  it('runs only commands with allow-oom or no-writes in a full Redis', async () => {
    await plain('read')(redis, 'full');
    await admin.config('SET', 'maxmemory', '1');
    try {
      await expect(plain('grow')(redis, 'full')).rejects.toThrow(StoreUnavailable);
      expect(await plain('keep')(redis, 'full')).toBe('OK');
      expect(await plain('read')(redis, 'full')).toBe('kept');
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
  });

  it('fails with store-unavailable when Redis may not write', async () => {
    await increment(redis, 'refused');
    await admin.config('SET', 'min-replicas-to-write', '1');
    try {
      await expect(plain('grow')(redis, 'refused')).rejects.toThrow(/Redis refuses: NOREPLICAS/);
      // A command that may write is refused even when it would only read; one with no-writes runs.
      await expect(plain('echo')(redis, 'refused')).rejects.toThrow(StoreUnavailable);
      expect(await plain('read')(redis, 'refused')).toBe('1');
    } finally {
      await admin.config('SET', 'min-replicas-to-write', '0');
    }
  });

  it('fails with store-unavailable when the user may not run a command', async () => {
    await admin.acl('SETUSER', 'tester', '-set');
    try {
      await expect(plain('grow')(redis, 'denied')).rejects.toThrow(StoreUnavailable);
    } finally {
      await admin.acl('SETUSER', 'tester', '+set');
    }
  });

  it('fails when Redis does not answer, and is not sent again later', async () => {
    proxy.hold('requests', 'replies');
    const failure = await increment(redis, 'silent').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StoreUnavailable);
    expect((failure as Problem).status).toBe(503);
    proxy.cut();
    proxy.heal();
    expect(await increment(redis, 'silent')).toBe(1);
  });

  it('waits for a connection that is reconnecting', async () => {
    const closed = once(redis, 'close');
    proxy.cut();
    await closed;
    expect(await increment(redis, 'reconnected')).toBe(1);
  });

  it('works again after Redis was killed and came back empty', async () => {
    await server.restart();
    expect(await increment(redis, 'restarted')).toBe(1);
    expect(await admin.get('restarted')).toBe('1');
  });
});
