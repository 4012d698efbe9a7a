import { add, CacheStage, MEANS, put, READER } from '../../../../../test/stages/cache-stage.js';
import { UNCONDITIONAL } from '../../entries/entry.js';
import * as operations from '../operations.js';
import { peek } from './entry.commands.js';

describe.each(MEANS)('reading an entry, by %s', (means) => {
  let stage: CacheStage;
  beforeAll(async () => {
    stage = await CacheStage.start(means);
  });
  beforeEach(() => stage.begin());
  afterEach(() => stage.admin.config('SET', 'maxmemory', '0', 'min-replicas-to-write', '0'));
  afterAll(() => stage.stop());

  const peeked = (key: string, incarnation = '', most?: number) =>
    peek(stage.redis, { ...stage.ofCache, key, incarnation, most });

  it('tells of a large value its size, to a reader that takes less', async () => {
    await stage.write(put('k', 'x'.repeat(100)));
    expect(await peeked('k', '', 99)).toMatchObject({ read: { entry: null, leftOut: 100 } });
    expect((await peeked('k', '', 100)).read.entry?.bytes.length).toBe(100);
  });

  it('tells all of it, with no bytes, with any, and with as many tags as there may be', async () => {
    const long = Array.from({ length: 32 }, (_, i) => `${i}`.padEnd(128, 't'));
    for (const [value, tags] of [
      ['', []],
      ['\0\r\n', ['t']],
      ['x'.repeat(300), long],
    ] as const) {
      await stage.write(put('k', value, { tags, ttlMs: 60_000 }));
      const expected = { bytes: Buffer.from(value), contentType: 'text/plain', tags };
      expect((await peeked('k')).read.entry).toMatchObject(expected);
      expect((await peeked('k', '', 300)).read.entry).toMatchObject(expected);
      await stage.write(operations.touch('k', 90_000));
      const { read } = await peeked('k');
      expect(read.entry).toMatchObject(expected);
      expect(read.entry?.freshMs).toBeGreaterThan(60_000);
    }
  });

  it('tells all of it whatever its content type, and where its bytes end', async () => {
    // Some of these sizes end where the first look at an entry does.
    for (const [contentType, from, to] of [
      ['', 120, 130],
      ['é,:"\0 \r\n', 105, 125],
      ['x'.repeat(16_000), 0, 1],
    ] as const) {
      for (let size = from; size <= to; size += 1) {
        const entry = { bytes: Buffer.alloc(size, 'v'), contentType };
        await stage.write(operations.put('k', entry, UNCONDITIONAL));
        expect((await peeked('k')).read.entry).toMatchObject(entry);
        expect((await peeked('k', '', size)).read.entry).toMatchObject(entry);
      }
    }
  });

  it('is read once when it is a small number that is added to', async () => {
    const reads = async () =>
      Number(/cmdstat_getrange:calls=(\d+)/.exec(await stage.admin.info('commandstats'))?.[1] ?? 0);
    const tags = Array.from({ length: 32 }, (_, i) => `${i}`.padEnd(128, 't'));
    for (const [key, more] of [
      ['small', {}],
      ['with long tags', { tags }],
    ] as const) {
      await stage.write(put(key, '41', more));
      const before = await reads();
      expect((await stage.write(add(key, 1)))[2]).toBe('42');
      expect((await reads()) - before === 1).toBe(key === 'small');
      expect((await peeked(key)).read.entry).toMatchObject({ bytes: Buffer.from('42'), ...more });
    }
  });

  it('that may be held makes the reader a sharer, of its tags too, until it is written', async () => {
    await stage.write(put('k', 'old', { tags: ['t'] }));
    await stage.join('a#1');
    expect(await stage.read('k', 'a#1')).toMatchObject({ alive: true, cacheable: true });
    expect(await stage.read('k', 'b#1')).toMatchObject({ alive: false, cacheable: false });
    await stage.begun(operations.invalidateTag('t'));
    expect((await stage.read('k', 'a#1', 2)).cacheable).toBe(false);
    await stage.acknowledge('a#1', 1);
    expect(await stage.stored('k')).toBeNull();
  });

  it('that is too large for the near cache of the reader may not be held', async () => {
    await stage.join('a#1');
    await stage.write(put('fits', 'x'.repeat(READER.room / 100)));
    await stage.write(put('too large', 'x'.repeat(READER.room / 100 + 1)));
    expect((await stage.read('fits', 'a#1')).cacheable).toBe(true);
    expect((await stage.read('too large', 'a#1')).cacheable).toBe(false);
  });

  it('forgets former sharers of a cache when they are most of those that are known', async () => {
    for (let i = 0; i < 100; i += 1) {
      await stage.join(`a#${i}`);
      await stage.write(put('k', `${i}`));
      await stage.read('k', `a#${i}`);
      await stage.leave(`a#${i}`);
    }
    expect(await stage.admin.hlen('syncline:{cache:c}:first:c:@')).toBeLessThan(25);
  });

  it('goes on in a Redis that is full, whose readers may hold nothing', async () => {
    await stage.write(put('k', 'value'));
    await stage.join('a#1');
    await stage.admin.config('SET', 'maxmemory', '1');
    await expect(stage.read('k', 'a#1')).rejects.toThrow('OOM');
    const { read, lease } = await peeked('k', 'a#1');
    expect([read.alive, read.cacheable, String(read.entry?.bytes), lease]).toEqual([
      true,
      false,
      'value',
      null,
    ]);
  });

  it('goes on in a Redis with too few replicas for writes', async () => {
    await stage.write(put('k', 'value'));
    await stage.lease('other', 'held-by-another');
    await stage.admin.config('SET', 'min-replicas-to-write', '1');
    await expect(stage.read('k')).rejects.toThrow('NOREPLICAS');
    expect(String((await peeked('k')).read.entry?.bytes)).toBe('value');
    expect(await peeked('other')).toMatchObject({
      read: { entry: null },
      lease: { name: 'held-by-', leftMs: expect.any(Number) },
    });
  });

  it('is refused by a replica, which may be out of date', async () => {
    await stage.write(put('k', 'value'));
    await stage.admin.replicaof('127.0.0.1', '1');
    try {
      await expect(stage.read('k')).rejects.toThrow('READONLY');
      await expect(peeked('k')).rejects.toThrow('READONLY');
    } finally {
      await stage.admin.replicaof('NO', 'ONE');
    }
  });
});
