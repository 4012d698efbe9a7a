import { CacheStage, MEANS, put, remove } from '../../../../../test/stages/cache-stage.js';
import * as operations from '../operations.js';

describe.each(MEANS)('fill leases in Redis, by %s', (means) => {
  let stage: CacheStage;
  beforeAll(async () => {
    stage = await CacheStage.start(means);
  });
  beforeEach(() => stage.begin());
  afterAll(() => stage.stop());

  describe('a fill lease', () => {
    it('is one at a time, and void after a write', async () => {
      expect(await stage.lease('k', 'one')).toMatchObject({ state: 'lease', leftMs: 10_000 });
      expect((await stage.lease('k', 'two')).state).toBe('held');
      expect(await stage.write(put('k', 'by two', { fillLease: 'two' }))).toEqual(['lease-void']);
      expect((await stage.write(put('k', 'by one', { fillLease: 'one' })))[0]).toBe('created');
      expect((await stage.lease('k', 'three')).state).toBe('hit');
      await stage.write(remove('k'));
      await stage.lease('k', 'four');
      await stage.write(put('k', 'by somebody else'));
      expect(await stage.write(put('k', 'late', { fillLease: 'four' }))).toEqual(['lease-void']);
    });

    it('is void after an invalidation that covers what it would store, and free again then', async () => {
      await stage.lease('k', 'one');
      expect(await stage.freeLeases('k', 'other')).toEqual(['other']);
      await stage.write(operations.invalidateTag('t'));
      expect(await stage.write(put('k', 'computed before', { fillLease: 'one', tags: ['t'] }))).toEqual([
        'lease-void',
      ]);
      await stage.write(remove('k'));
      expect(await stage.freeLeases('k')).toEqual(['k']);
    });
  });
});
