import { LuaFolders, RedisServer } from '@syncline/testing';
import { commandConnection, type RedisClient } from '../connection/connection.js';
import { LuaLibrary } from './library.js';
import { removeLibraries } from './remove-libraries.js';

describe('unused Lua libraries', () => {
  const folders = new LuaFolders();
  const libraryOf = (prefix: string, version: number) => {
    const library = new LuaLibrary(
      prefix,
      folders.make({ 'run.lua': `return function() return { ${version}, redis.call('INCR', KEYS[1]) } end` }),
    );
    const run = library.command({ name: 'run', keys: (key: string) => [key], decode: (reply) => reply });
    return { library, run };
  };
  const old = libraryOf('ours', 1);
  const present = libraryOf('ours', 2);
  const others = libraryOf('ours_too', 1);
  let server: RedisServer;
  let redis: RedisClient;

  const nameOf = ({ library }: ReturnType<typeof libraryOf>) => library.for(redis).name;
  const names = async () =>
    ((await redis.function('LIST')) as unknown as unknown[][]).map(([, name]) => name).sort();

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = commandConnection(server.url, 'test');
    await redis.connect();
  });
  beforeEach(async () => {
    await redis.flushall();
    for (const { run } of [old, present, others]) await run(redis, 'key');
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    folders.remove();
  });

  it('are removed, and other libraries are kept', async () => {
    expect(await removeLibraries(redis, 'ours', new Set([nameOf(present)]))).toEqual([nameOf(old)]);
    expect(await names()).toEqual([nameOf(others), nameOf(present)].sort());
  });

  it('can be removed by several nodes at once', async () => {
    await Promise.all(Array.from({ length: 3 }, () => removeLibraries(redis, 'ours', new Set())));
    expect(await names()).toEqual([nameOf(others)]);
  });

  it('are loaded again when a process still uses them', async () => {
    const calls = Array.from({ length: 500 }, async () => {
      await new Promise(setImmediate);
      return old.run(redis, 'used');
    });
    await removeLibraries(redis, 'ours', new Set([nameOf(present)]));
    await Promise.all(calls);
    expect(await old.run(redis, 'used')).toEqual([1, 501]);
  });
});
