import { add, CacheStage, MEANS, put, remove } from '../../../../test/stages/cache-stage.js';
import { bytesIn } from './caches.keys.js';
import * as operations from './operations.js';

describe.each(MEANS)('operations, by %s', (means) => {
  let stage: CacheStage;
  beforeAll(async () => {
    stage = await CacheStage.start(means);
  });
  beforeEach(() => stage.begin());
  afterAll(() => stage.stop());

  it('a counter adds to whole numbers only, as far as they are exact', async () => {
    expect((await stage.write(add('n', 5)))[2]).toBe('5');
    expect((await stage.write(add('n', -7)))[2]).toBe('-2');
    await stage.write(put('n', '9007199254740991'));
    expect(await stage.write(add('n', 1))).toEqual(['not-an-integer']);
    await stage.write(put('n', '1.5'));
    expect(await stage.write(add('n', 1))).toEqual(['not-an-integer']);
  });

  it('a touch moves the end of an entry, and that alone', async () => {
    const [, version] = await stage.write(put('k', 'x'));
    const [what, kept, end] = await stage.write(operations.touch('k', 60_000));
    expect([what, kept]).toEqual(['touched', version]);
    expect(Number(end)).toBeGreaterThan(0);
    expect(await stage.write(operations.touch('none', 60_000))).toEqual(['no-entry']);
  });

  it('a write costs few commands, and keeps the index and the sizes right', async () => {
    // Without what keeps the clock, once a second.
    const commands = async () => {
      const stats = await stage.admin.info('commandstats');
      return [...stats.matchAll(/^cmdstat_(?!info|config|set:)\S*:calls=(\d+)/gm)].reduce(
        (sum, [, calls]) => sum + Number(calls),
        0,
      );
    };
    const index = 'syncline:{cache:c}:index';
    const bytes = async () => bytesIn(await stage.admin.get('syncline:{cache:c}'));
    await stage.write(put('k', 'long value'));
    await stage.write(put('k', 'value'));
    const before = await commands();
    await stage.write(put('k', 'other'));
    expect((await commands()) - before).toBeLessThanOrEqual(6);
    expect(await bytes()).toBe(6);
    await stage.join('a#1');
    await stage.read('k', 'a#1');
    const beforeHeld = await commands();
    expect((await stage.prepare(put('k', 'other'))).state).toBe('pending');
    expect(await stage.acknowledge('a#1', 1)).toBe(true);
    expect((await commands()) - beforeHeld).toBeLessThanOrEqual(28);
    await stage.leave('a#1');
    await stage.write(put('k', 'other', { ttlMs: 60_000 }));
    expect(Number(await stage.admin.zscore(index, 'k'))).toBeGreaterThan(0);
    await stage.write(put('k', 'other'));
    expect(await stage.admin.zscore(index, 'k')).toBe('inf');
    await stage.write(operations.flush());
    await stage.write(put('k', 'again'));
    expect(await stage.admin.zscore(index, 'k')).toBe('inf');
    expect(await bytes()).toBe(6);
    await stage.write(operations.drop());
    await stage.write(put('k', 'dropped'));
    expect(await bytes()).toBe(8);
    await stage.write(remove('k'));
    expect(await bytes()).toBe(0);
    expect(await stage.admin.exists(index)).toBe(0);
  });

  it('versions rise over deletes, flushes and a loss of all data', async () => {
    const versions: bigint[] = [];
    const note = async () => versions.push(BigInt((await stage.write(put('k', 'x')))[1] ?? 0));
    await note();
    await stage.write(remove('k'));
    await note();
    await stage.write(operations.flush());
    await note();
    await stage.begin();
    await note();
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => (a < b ? -1 : 1)));
  });
});
