import { LuaLibrary } from '@syncline/redis';
import { eventually, LuaFolders, RedisServer } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { Membership } from './membership.js';

const folders = new LuaFolders();
/** A version of a shelf: each has a different text. */
const versionOf = (shelf: string, version: number) =>
  new LuaLibrary(shelf, folders.make({ 'answer.lua': `return function() return ${version} end` }));

describe('the Lua libraries in Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  let members: Membership[];

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = server.connect();
  });
  beforeEach(async () => {
    members = [];
    await redis.flushall();
    await redis.function('FLUSH');
  });
  afterEach(() => Promise.all(members.map((member) => member.onModuleDestroy())));
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    folders.remove();
  });

  const join = async (role: 'lock' | 'queue', nodeId: string, ...used: LuaLibrary[]) => {
    const member = new Membership(redis, { role, nodeId, kind: 'node', timers: true, peers: [] });
    for (const library of used) member.uses(library);
    members.push(member);
    await member.start(`http://${nodeId}`);
    await Promise.all(used.map(load));
    return member;
  };
  const load = (library: LuaLibrary) =>
    library.command({ name: 'answer', keys: () => [], decode: Number })(redis, undefined);
  const nameOf = (library: LuaLibrary) => library.for(redis).name;
  const inRedis = async (prefix: string) => {
    const listed = (await redis.function('LIST', 'LIBRARYNAME', `${prefix}_*`)) as unknown[][];
    return listed.map(([, name]) => name);
  };

  it('are kept while a member of their version is alive, and removed when the last one has left', async () => {
    const older = versionOf('shelf', 1);
    const newer = versionOf('shelf', 2);
    const first = await join('lock', 'a', older);
    await join('lock', 'b', newer);
    await eventually(() => expect(first.ring.nodeIds).toHaveLength(2));
    expect((await inRedis('shelf')).sort()).toEqual([nameOf(older), nameOf(newer)].sort());

    await first.onModuleDestroy();
    await eventually(async () => expect(await inRedis('shelf')).toEqual([nameOf(newer)]));
  });

  it('are kept while a node of another role uses them, or when other programs own them', async () => {
    const shared = versionOf('shelf', 3);
    const changed = versionOf('shelf', 4);
    const unused = versionOf('shelf', 5);
    await redis.function('LOAD', foreign('shelf_of_others'));
    await join('queue', 'q', shared);
    const first = await join('lock', 'a', changed);
    await join('lock', 'b', changed);
    await load(unused);
    await first.onModuleDestroy();
    await eventually(async () => expect(await inRedis('shelf')).not.toContain(nameOf(unused)));
    expect((await inRedis('shelf')).sort()).toEqual(
      [nameOf(shared), nameOf(changed), 'shelf_of_others'].sort(),
    );
  });
});

const foreign = (name: string) =>
  `#!lua name=${name}\nredis.register_function('${name}_f', function() return 1 end)`;

describe('the epoch of a membership', () => {
  it('rises though Redis lost it and its clock was set back', async () => {
    await using server = await RedisServer.start();
    const redis = server.connect();
    const [one, two] = ['a', 'b'].map(
      (nodeId) => new Membership(redis, { role: 'lock', nodeId, kind: 'node', timers: true, peers: [] }),
    ) as [Membership, Membership];
    try {
      // As it stands when the clock of Redis is ten minutes ahead.
      await redis.set('syncline:{cluster:lock}:epoch', Date.now() + 600_000);
      await one.start('http://a');
      await two.start('http://b');
      const { epoch } = await one.describe();
      expect(epoch).toBeGreaterThan(Date.now() + 300_000);
      await eventually(() => expect(one.ring.nodeIds).toHaveLength(2));
      await redis.flushall();
      await eventually(async () => {
        const after = await two.describe();
        expect(after.members).toHaveLength(2);
        expect(after.epoch).toBeGreaterThan(epoch);
      });
    } finally {
      await Promise.all([one, two].map((member) => member.onModuleDestroy()));
      redis.disconnect();
    }
  });
});
