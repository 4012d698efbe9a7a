import { LuaFolders, RedisServer } from '@syncline/testing';
import fc from 'fast-check';
import { commandConnection, type RedisClient } from '../connection/connection.js';
import { LuaLibrary } from './library.js';

const KEY = 'clock';
const SECOND = 1_000_000;
const START = 1_700_000_000 * SECOND;

describe('numbers of hybrid-clock.lua', () => {
  const folders = new LuaFolders();
  /** Two versions of a library, as during a rolling upgrade. */
  const [one, two] = ['one', 'two'].map((version) => {
    const library = new LuaLibrary(
      'test',
      folders.make({
        'next.lua': [
          '-- @include @redis/hybrid-clock.lua',
          'return function()',
          `  local _ = '${version}'`,
          '  micros = ARGV[1] + 0',
          '  HybridClock.bring(KEYS[1], ARGV[2] + 0)',
          '  local numbers = {}',
          '  for i = 1, ARGV[3] do numbers[i] = int(HybridClock.next(KEYS[1], ARGV[4])) end',
          '  return numbers',
          'end',
        ].join('\n'),
        'keep.lua': [
          '-- @include @redis/hybrid-clock.lua',
          'return function()',
          '  HybridClock.bring(KEYS[1], ARGV[1] + 0)',
          '  return int(HybridClock.keep(KEYS[1]))',
          'end',
        ].join('\n'),
      }),
    );
    return {
      next: library.command({
        name: 'next',
        keys: () => [KEY],
        args: ({ at = START, brought = 0, count = 1, least = 0 }) => [at, brought, count, least],
        decode: (reply) => (reply as string[]).map(Number),
      }),
      keep: library.command({
        name: 'keep',
        keys: () => [KEY],
        args: ({ brought = 0 }) => [brought],
        decode: (reply) => Number(reply),
      }),
    };
  }) as [Version, Version];
  let server: RedisServer;
  let admin: ReturnType<RedisServer['connect']>;
  let redis: RedisClient;
  /** May not call functions, so it runs scripts. */
  let byScripts: RedisClient;

  const connect = async (url: string): Promise<RedisClient> => {
    const connection = commandConnection(url, 'test');
    await connection.connect();
    return connection;
  };
  const writes = async () =>
    Number(/cmdstat_set:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = server.connect();
    await admin.acl('SETUSER', 'scripts', 'on', '>secret', '~*', '+@all', '-fcall', '-function');
    redis = await connect(server.url);
    byScripts = await connect(server.url.replace('redis://', 'redis://scripts:secret@'));
  });
  beforeEach(async () => {
    await admin.function('FLUSH');
    await admin.flushall();
    await admin.config('RESETSTAT');
  });
  afterAll(async () => {
    for (const each of [redis, byScripts, admin]) each.disconnect();
    await server.stop();
    folders.remove();
  });

  it('are the time of Redis while its clock goes right, at one write a second', async () => {
    await one.next(redis, {});
    for (let ms = 1; ms <= 3_000; ms += 10) {
      const at = START + ms * 1_000;
      expect(await one.next(redis, { at })).toEqual([at]);
    }
    expect(await writes()).toBeLessThan(6);
  });

  it('rise by one while the clock stands, or was set back', async () => {
    expect(await one.next(redis, { count: 3 })).toEqual([START, START + 1, START + 2]);
    const back = START - 600 * SECOND;
    expect(await one.next(redis, { at: back, count: 2 })).toEqual([START + 3, START + 4]);
    expect(await one.next(redis, { at: back + SECOND })).toEqual([START + 5]);
  });

  it('are larger than what their name had, and than what a node brings', async () => {
    expect(await one.next(redis, { least: START + 7 })).toEqual([START + 8]);
    expect(await one.next(redis, { brought: START + 9 * SECOND })).toEqual([START + 9 * SECOND + 1]);
    expect(await one.next(redis, {})).toEqual([START + 9 * SECOND + 2]);
  });

  it('do not run ahead by what a node brings that Redis knows', async () => {
    for (const at of [START, START + 1]) await one.next(redis, { at });
    const brought = await one.keep(redis, {});
    expect(brought).toBeGreaterThan(START + SECOND / 2);
    expect(await one.next(redis, { at: START + 1_000, brought })).toEqual([START + 1_000]);
  });

  it('are kept above what a node brings, though none is given', async () => {
    expect(await one.keep(redis, { brought: START + SECOND })).toBe(START + SECOND);
    await admin.function('FLUSH');
    expect(await one.next(redis, {})).toEqual([START + SECOND + 1]);
  });

  it('rise, and stay near the clock, whatever happens to it and to what Redis remembers', async () => {
    const step = fc.record({
      by: fc.oneof(
        { weight: 5, arbitrary: fc.integer({ min: 0, max: 3_000 }) },
        fc.integer({ min: -4_000 * SECOND, max: 4_000 * SECOND }),
      ),
      who: fc.constantFrom('one', 'one', 'one', 'two', 'scripts', 'forgotten', 'brought'),
      count: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await admin.flushall();
        await admin.function('FLUSH');
        let [at, latest, last, given] = [START, START, 0, 0];
        for (const { by, who, count } of steps) {
          at += by;
          latest = Math.max(latest, at);
          // All data is lost, but a node saw the last number.
          if (who === 'brought') await admin.flushall();
          // As at a restart: what Redis knows beside its data is gone.
          if (who === 'forgotten' || who === 'brought') await admin.function('FLUSH');
          const numbers = await (who === 'two' ? two : one).next(who === 'scripts' ? byScripts : redis, {
            at,
            count,
            brought: who === 'brought' ? last : 0,
          });
          for (const number of numbers) {
            expect(number).toBeGreaterThan(last);
            given += 1;
            expect(number).toBeLessThanOrEqual(latest + SECOND + given);
            last = number;
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

interface Version {
  readonly next: (redis: RedisClient, input: Next) => Promise<number[]>;
  readonly keep: (redis: RedisClient, input: { brought?: number }) => Promise<number>;
}
interface Next {
  /** What Redis' clock says, microseconds. */
  readonly at?: number;
  readonly brought?: number;
  readonly count?: number;
  readonly least?: number;
}
