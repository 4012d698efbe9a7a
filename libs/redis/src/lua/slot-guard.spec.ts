import { eventually, LuaFolders, RedisCluster } from '@syncline/testing';
import { commandConnection, type RedisClient } from '../connection/connection.js';
import { StoreUnavailable } from '../store-unavailable.js';
import { LuaLibrary } from './library.js';

describe('A command of a library whose slot is on its way to another primary', () => {
  const folders = new LuaFolders();
  const library = new LuaLibrary(
    'test',
    folders.make({
      // Writes, then looks at a key that it did not name: what would fail in its middle.
      'move.lua': `return function()
        redis.call('INCR', KEYS[1])
        return { #KEYS, #ARGV, INSTANCE == false and 1 or 0, redis.call('GET', KEYS[1] .. ':other') or '' }
      end`,
    }),
  );
  const move = library.command({
    name: 'move',
    keys: (key: string) => [key],
    args: () => ['one'],
    decode: (reply) => reply,
  });
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(async () => {
    await cluster.stop();
    folders.remove();
  });

  const connect = async (url: string): Promise<RedisClient> => {
    const redis = commandConnection(url, 'test');
    redis.on('error', () => {});
    await redis.connect();
    return redis;
  };

  it.each(['functions', 'scripts'])(
    'is refused before it begins, and runs again afterwards: by %s',
    async (by) => {
      if (by === 'scripts') {
        for (const server of cluster.servers) {
          const admin = server.connect();
          await admin.call(
            'ACL',
            'SETUSER',
            'plain',
            'on',
            '>secret',
            '~*',
            '&*',
            '+@all',
            '-fcall',
            '-function',
          );
          admin.disconnect();
        }
      }
      const url =
        by === 'scripts' ? cluster.url.replaceAll('redis://', 'redis://plain:secret@') : cluster.url;
      const redis = await connect(url);
      const key = `{${by}}:n`;
      expect(await move(redis, key)).toEqual([1, 1, 1, '']);
      await cluster.moveSlot(key, async () => {
        await expect(move(redis, key)).rejects.toThrow(StoreUnavailable);
        expect(await redis.get(key)).toBe('1');
      });
      await eventually(() => move(redis, key));
      expect(await redis.get(key)).toBe('2');
      redis.disconnect();
    },
  );
});
