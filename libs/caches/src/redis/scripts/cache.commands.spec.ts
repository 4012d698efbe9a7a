import { CacheStage, MEANS, put } from '../../../../../test/stages/cache-stage.js';
import { cacheKey, sharedKey } from '../caches.keys.js';
import * as operations from '../operations.js';
import { describeCaches, sweepEntries } from './cache.commands.js';

describe.each(MEANS)('caches in Redis, by %s', (means) => {
  let stage: CacheStage;
  beforeAll(async () => {
    stage = await CacheStage.start(means);
  });
  beforeEach(() => stage.begin());
  afterAll(() => stage.stop());

  it('keep nothing of what was invalidated once they are swept', async () => {
    for (let i = 0; i < 25; i += 1) await stage.write(put(`k${i}`, 'x', { tags: ['t'] }));
    // Where an earlier version stored it.
    await stage.admin.hset(`${cacheKey(sharedKey(null), 'c')}:e:k0`, 'n', 1);
    await stage.write(operations.flush());
    await stage.write(put('later', 'stays'));
    for (let left: number | null = 0; left === 0; ) {
      left = await sweepEntries(stage.redis, { ...stage.ofCache, max: 10 });
    }
    const entries = await stage.admin.keys(`${cacheKey(sharedKey(null), 'c')}:[ev]:*`);
    expect(entries).toEqual([`${cacheKey(sharedKey(null), 'c')}:v:later`]);
    const caches = ['none', stage.cache];
    expect(await describeCaches(stage.redis, { ...stage.ofShard, caches })).toMatchObject([
      { exists: false, entries: 0 },
      { exists: true, entries: 1, bytes: 'later'.length + 'stays'.length },
    ]);
    // What an earlier instance left goes as soon as a call needs it.
    const state = String(await stage.admin.get('syncline:{cache:c}'));
    await stage.admin.set('syncline:{cache:c}', state.replace(' first ', ' elsewhere '));
    const [left] = await describeCaches(stage.redis, { ...stage.ofShard, caches: ['c'] });
    expect([left?.exists, left?.entries, left?.bytes]).toEqual([true, 0, 0]);
  });
});
