import { UnknownInstance } from '@syncline/redis';
import { CacheStage, MEANS, put } from '../../../../../test/stages/cache-stage.js';
import { cacheKey, clockKey, formerInstanceKeys, sharedKey } from '../caches.keys.js';
import { drop } from '../operations.js';
import { describeCaches } from './cache.commands.js';
import { findInstance, openCache, openInstance } from './instance.commands.js';

const FIRST = { runId: 'a', replicationId: '1', isFirst: true, clusterNode: '' };

describe.each(MEANS)('the Redis instance in its data, by %s', (means) => {
  let stage: CacheStage;
  beforeAll(async () => {
    stage = await CacheStage.start(means);
  });
  beforeEach(() => stage.begin());
  afterAll(() => stage.stop());

  const shard = { index: 0, key: sharedKey(null) };
  const find = (primary: typeof FIRST, newId: string, durable = false) =>
    findInstance(stage.redis, { ...primary, shard, durable, newId, seenVersion: 0 });
  const carries = () => stage.admin.hget('syncline:{caches}:instance-3:facts', 'carries');

  it('is one for all nodes that find the same process, and opens once', async () => {
    expect(await find(FIRST, 'one')).toEqual({ id: 'one', open: false });
    expect(await find(FIRST, 'two')).toEqual({ id: 'one', open: false });
    expect(await openInstance(stage.redis, { shard, id: 'two' })).toBe(false);
    expect(await openInstance(stage.redis, { shard, id: 'one' })).toBe(true);
    expect(await find(FIRST, 'three')).toEqual({ id: 'one', open: true });
  });

  it('goes on when the first replica comes, or the last one is long gone', async () => {
    await find(FIRST, 'one');
    expect((await find({ ...FIRST, replicationId: '2' }, 'two')).id).toBe('one');
    expect((await find({ ...FIRST, replicationId: '2', isFirst: false }, 'three')).id).toBe('one');
  });

  it.each([
    ['another process', { ...FIRST, runId: 'b' }],
    ['a process that was no primary meanwhile', { ...FIRST, replicationId: '2', isFirst: false }],
  ])('is a new one, which is not open, for %s', async (_what, primary) => {
    await find(FIRST, 'one');
    await openInstance(stage.redis, { shard, id: 'one' });
    expect(await find(primary, 'two')).toEqual({ id: 'two', open: false });
  });

  it.each([
    [
      'was durable from its beginning to its end, and its data comes from its own disk',
      true,
      true,
      true,
      'one',
    ],
    ['was not durable', false, true, true, ''],
    ['was not durable at some time', true, false, true, ''],
    ['comes from a primary that another process was', true, true, false, ''],
  ])('is carried on when it %s: %s, %s, %s', async (_what, before, later, isFirst, expected) => {
    await find(FIRST, 'one', before);
    await find(FIRST, 'any', later);
    await find({ ...FIRST, runId: 'b', isFirst }, 'two', true);
    expect(await carries()).toBe(expected);
  });

  it('is not carried on by another node of a Redis Cluster, to which the slot has moved', async () => {
    const node = (clusterNode: string, runId: string) => ({ ...FIRST, clusterNode, runId });
    await find(node('x', 'a'), 'one', true);
    await find(node('x', 'b'), 'two', true);
    expect(await carries()).toBe('one');
    await find(node('y', 'c'), 'three', true);
    expect(await carries()).toBe('');
  });

  it.each(formerInstanceKeys(shard.key))(
    'is a new one, which carries nothing on, where nodes used Redis that store caches in another form; these are shut out of %s',
    async (former) => {
      await find(FIRST, 'one', true);
      await openInstance(stage.redis, { shard, id: 'one' });
      await stage.admin.del(former);
      await stage.admin.hset(former, { id: 'theirs', run: 'a', replication: '1', open: 1, durable: 1 });
      expect(await find(FIRST, 'two', true)).toEqual({ id: 'two', open: false });
      expect(await carries()).toBe('');
      await expect(stage.admin.hget(former, 'id')).rejects.toThrow('WRONGTYPE');
      expect((await find(FIRST, 'three', true)).id).toBe('two');
    },
  );

  it('is compared by each command: where the data tells of another one nothing runs', async () => {
    await stage.write(put('k', 'old'));
    await find({ ...FIRST, runId: 'b' }, 'two');
    await expect(stage.write(put('k', 'new'))).rejects.toThrow(UnknownInstance);
    await expect(stage.read('k')).rejects.toThrow(UnknownInstance);
    await expect(stage.join('a#1')).rejects.toThrow(UnknownInstance);
    expect(await stage.admin.get(`${cacheKey(shard.key, 'c')}:v:k`)).toMatch(/old$/);
  });

  it.each([
    ['nothing of a cache of an earlier one', 'elsewhere', null],
    ['what it carries on', 'before', 'old'],
  ])('serves %s, once the cache was opened', async (_what, before, served) => {
    await stage.write(put('k', 'old'));
    const state = String(await stage.admin.get(cacheKey(shard.key, 'c')));
    await stage.admin.set(cacheKey(shard.key, 'c'), state.replace(' first ', ` ${before} `));
    await stage.admin.hset('syncline:{caches}:instance-3:facts', 'carries', 'before');
    await expect(stage.read('k')).rejects.toThrow(/^UNOPENED/);
    await expect(stage.write(put('k', 'new'))).rejects.toThrow(/^UNOPENED/);
    await openCache(stage.redis, { ...stage.ofShard, cache: 'c' });
    expect(await stage.stored('k')).toBe(served);
    await openCache(stage.redis, { ...stage.ofShard, cache: 'c' });
    expect(await stage.stored('k')).toBe(served);
  });

  it('keeps the configuration of a cache of a former form, and nothing that it holds', async () => {
    const version = (await stage.write(put('k', 'old')))[1] ?? '';
    const stem = cacheKey(shard.key, 'c');
    await stage.admin.del(stem);
    await stage.admin.hset(stem, { version, bytes: 4, instance: 'first', config: '5000,,,,,' });
    const isDescribed = async () =>
      expect(await describeCaches(stage.redis, { ...stage.ofShard, caches: ['c'] })).toMatchObject([
        { exists: true, entries: 0, bytes: 0, defaultTtlMs: 5_000 },
      ]);
    await isDescribed();
    await expect(stage.read('k')).rejects.toThrow(/^UNOPENED/);
    await openCache(stage.redis, { ...stage.ofShard, cache: 'c' });
    expect(await stage.stored('k')).toBeNull();
    await isDescribed();
    expect(Number((await stage.write(put('k', 'new')))[1])).toBeGreaterThan(Number(version));
  });
});

describe.each(MEANS)('versions, by %s,', (means) => {
  let stage: CacheStage;
  beforeAll(async () => {
    stage = await CacheStage.start(means);
  });
  beforeEach(() => stage.begin());
  afterAll(() => stage.stop());

  /** Ten minutes ahead of the clock of Redis, as that stood. */
  const ahead = () => Date.now() * 1_000 + 600_000_000;
  const putVersion = async () => Number((await stage.write(put('k', 'v')))[1]);

  it('rise though the clock was set back and the cache was dropped', async () => {
    await stage.admin.set(clockKey(sharedKey(null)), ahead());
    const before = await putVersion();
    expect(before).toBeGreaterThan(ahead() - 1_000_000);
    await stage.write(drop());
    const after = await putVersion();
    expect(after).toBeGreaterThan(before);
    expect(after).toBeLessThan(before + 1_000);
  });

  it('are larger than what a node has seen that found the instance', async () => {
    const seenVersion = ahead();
    const shard = { index: 0, key: sharedKey(null) };
    await findInstance(stage.redis, {
      ...FIRST,
      shard,
      runId: 'run',
      durable: false,
      newId: 'x',
      seenVersion,
    });
    expect(await putVersion()).toBeGreaterThan(seenVersion);
  });
});
