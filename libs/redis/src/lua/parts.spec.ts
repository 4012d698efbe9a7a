import { once } from 'node:events';
import { LuaFolders, RedisServer } from '@syncline/testing';
import { commandConnection, type RedisClient } from '../connection/connection.js';
import { LuaLibrary } from './library.js';

describe('the shared Lua part', () => {
  const folders = new LuaFolders();
  const library = new LuaLibrary(
    'test',
    folders.make({
      'clock.lua':
        "-- @include @redis/clock.lua\nreturn function() local time = redis.call('TIME') return { string.format('%.0f', now), string.format('%.0f', micros), unpack(time) } end",
      'integer.lua':
        '-- @include @redis/integer.lua\nreturn function() return { int(0), int(-1), int(123456789012345), int(2^53 - 1), int(1e15), int(4095), int("4096"), int(0) } end',
      'hint.lua':
        "-- @include @redis/hint.lua\nreturn function() hint('lock', 'lock.granted', ARGV[1] or nil, '{\"id\":1}') end",
      'silence.lua': [
        '-- @include @redis/silence.lua',
        'return function()',
        '  now = tonumber(ARGV[1])',
        "  return { int(Silence.clock(ARGV[2] ~= '' and ARGV[2])), Silence.pulse(ARGV[2] ~= '' and ARGV[2]) }",
        'end',
      ].join('\n'),
    }),
  );
  const define = (name: string) =>
    library.command({
      name,
      keys: () => ['syncline:{test}:key'],
      args: (args: (string | number)[]) => args,
      decode: (reply) => reply as string[],
    });
  let server: RedisServer;
  let redis: RedisClient;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = commandConnection(server.url, 'test');
    await redis.connect();
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    folders.remove();
  });

  it('clock.lua reads the time of Redis once for each call', async () => {
    const clock = define('clock');
    const [now, micros, seconds, rest] = (await clock(redis, [])).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    expect(now).toBe(Math.floor(micros / 1_000));
    expect(micros).toBeLessThanOrEqual(seconds * 1_000_000 + rest);
    expect(micros).toBeGreaterThan(seconds * 1_000_000 + rest - 1_000_000);
    const [, later = ''] = await clock(redis, []);
    expect(Number(later)).toBeGreaterThan(micros);
  });

  it('integer.lua writes every digit of a whole number', async () => {
    const large = ['123456789012345', '9007199254740991', '1000000000000000'];
    const digits = ['0', '-1', ...large, '4095', '4096', '0'];
    const integer = define('integer');
    expect(await integer(redis, [])).toEqual(digits);
    // Those that the first call kept.
    expect(await integer(redis, [])).toEqual(digits);
  });

  it('hint.lua publishes a packet of the transport, to one node or to all nodes of a role', async () => {
    const subscriber = server.connect();
    await subscriber.subscribe('syncline.lock.lock.granted', 'syncline.lock.lock.granted.node_1');
    const hint = define('hint');
    const packet = '{"pattern":"lock.granted","data":{"id":1}}';
    const [one] = await Promise.all([once(subscriber, 'message'), hint(redis, ['node_1'])]);
    expect(one).toEqual(['syncline.lock.lock.granted.node_1', packet]);
    const [all] = await Promise.all([once(subscriber, 'message'), hint(redis, [])]);
    expect(all).toEqual(['syncline.lock.lock.granted', packet]);
    subscriber.disconnect();
  });

  it('silence.lua stops its clock while no node sends a heartbeat', async () => {
    const silence = define('silence');
    expect(await silence(redis, [10_000, ''])).toEqual(['10000', '10000 0']);
    // With regular heartbeats the clock runs.
    expect(await silence(redis, [10_500, '10000 0'])).toEqual(['10500', '10500 0']);
    expect(await silence(redis, [11_500, '10000 0'])).toEqual(['11500', '11500 0']);
    // No heartbeat for a minute counts as one heartbeat interval, now and later.
    expect(await silence(redis, [70_000, '10000 0'])).toEqual(['10500', '70000 59500']);
    expect(await silence(redis, [70_400, '70000 59500'])).toEqual(['10900', '70400 59500']);
    expect(await silence(redis, [90_000, '70400 59500'])).toEqual(['11400', '90000 78600']);
  });
});
