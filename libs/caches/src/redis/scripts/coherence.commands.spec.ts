import { add, CacheStage, MEANS, put, remove } from '../../../../../test/stages/cache-stage.js';
import * as operations from '../operations.js';

describe.each(MEANS)('the coherence protocol in Redis, by %s', (means) => {
  let stage: CacheStage;
  beforeAll(async () => {
    stage = await CacheStage.start(means);
  });
  beforeEach(() => stage.begin());
  afterAll(() => stage.stop());

  describe('a write', () => {
    it('is done at once when nobody holds the key', async () => {
      const [outcome, version] = await stage.write(put('k', 'one'));
      expect(outcome).toBe('created');
      expect((await stage.read('k')).entry).toMatchObject({ version, expiresAt: null, tags: [] });
      expect((await stage.write(put('k', 'two')))[0]).toBe('replaced');
      expect(await stage.write(remove('k'))).toEqual(['deleted']);
      expect(await stage.write(remove('k'))).toEqual(['absent']);
      expect(await stage.stored('k')).toBeNull();
    });

    it('waits for all who hold the key; the last acknowledgement does it', async () => {
      await stage.write(put('k', 'old'));
      for (const node of ['a#1', 'b#1']) {
        await stage.join(node);
        expect((await stage.read('k', node)).cacheable).toBe(true);
      }
      const round = await stage.begun(put('k', 'new'));
      expect(round.sharers.map(([name]) => name).sort()).toEqual(['a#1', 'b#1']);
      // Meanwhile the old value is served, but kept by nobody.
      const meanwhile = await stage.read('k', 'a#1', 2);
      expect([String(meanwhile.entry?.bytes), meanwhile.cacheable]).toEqual(['old', false]);

      expect(await stage.acknowledge('a#1', 1)).toBe(true);
      expect([await round.outcome(), await stage.stored('k')]).toEqual([[], 'old']);
      expect(await stage.acknowledge('b#1', 1)).toBe(true);
      expect((await round.outcome())?.[0]).toBe('replaced');
      expect(await stage.stored('k')).toBe('new');
      expect((await stage.read('k', 'a#1', 3)).cacheable).toBe(true);
    });

    it('is not done by an acknowledgement of an earlier invalidation', async () => {
      await stage.join('a#1');
      for (const key of ['x', 'y']) {
        await stage.write(put(key, 'old'));
        await stage.read(key, 'a#1');
      }
      const [first, second] = [await stage.begun(put('x', 'new')), await stage.begun(put('y', 'new'))];
      await stage.acknowledge('a#1', 1);
      expect([(await first.outcome())?.[0], await second.outcome()]).toEqual(['replaced', []]);
      await stage.acknowledge('a#1', 1);
      expect(await second.outcome()).toEqual([]);
      await stage.acknowledge('a#1', 2);
      expect((await second.outcome())?.[0]).toBe('replaced');
    });

    it.each([
      ['small', 'one'],
      ['large', 'x'.repeat(5_000)],
    ])(
      'joins a round that a %s one began: one invalidation for all, done in their order',
      async (_, first) => {
        await stage.write(put('k', 'old'));
        await stage.join('a#1');
        await stage.read('k', 'a#1');
        const rounds = [
          await stage.begun(put('k', first)),
          await stage.begun(put('k', 'two')),
          await stage.begun(add('k', 1)),
        ];
        expect(new Set(rounds.map(({ round }) => round)).size).toBe(1);
        expect(await stage.missed('a#1')).toEqual(['key k']);
        await stage.acknowledge('a#1', 1);
        const outcomes = await Promise.all(rounds.map(async ({ outcome }) => (await outcome())?.[0]));
        expect(outcomes).toEqual(['replaced', 'replaced', 'not-an-integer']);
        expect(await stage.stored('k')).toBe('two');
      },
    );

    it('does not wait for its own node, which gave up what it held; but for what it filled since', async () => {
      await stage.write(put('k', 'old'));
      await stage.join('a#1');
      await stage.read('k', 'a#1', 7);
      await expect(stage.begun(put('k', 'new'), { incarnation: 'a#1', lastFill: 6 })).resolves.toBeDefined();
      await stage.acknowledge('a#1', 1);
      await stage.read('k', 'a#1', 8);
      const own = await stage.prepare(put('k', 'newer'), { incarnation: 'a#1', lastFill: 8 });
      expect(own.state).toBe('done');
    });

    it('that is refused needs no round', async () => {
      const [, version] = await stage.write(put('k', 'old'));
      await stage.join('a#1');
      await stage.read('k', 'a#1');
      expect(await stage.write(put('k', 'new', { ifMatch: '1' }))).toEqual(['mismatch']);
      expect(await stage.write(put('k', 'new', { ifNoneMatch: '*' }))).toEqual(['mismatch']);
      expect(await stage.write(put('k', 'x'.repeat(1_048_577)))).toEqual(['too-large', '1048576']);
      expect(await stage.missed('a#1')).toEqual([]);
      const round = await stage.begun(put('k', 'new', { ifMatch: String(version) }));
      await stage.acknowledge('a#1', 1);
      expect((await round.outcome())?.[0]).toBe('replaced');
    });

    it('with an id that the caller chose is done once, whether it waits or not', async () => {
      expect(await stage.write(add('n', 5), { id: 'i' })).toEqual(
        await stage.write(add('n', 5), { id: 'i' }),
      );
      await stage.join('a#1');
      await stage.read('n', 'a#1');
      await stage.prepare(add('n', 1), { id: 'j' });
      await stage.prepare(add('n', 1), { id: 'j' });
      await stage.acknowledge('a#1', 1);
      expect((await stage.write(add('n', 1), { id: 'j' }))[2]).toBe('6');
      expect(await stage.stored('n')).toBe('6');
    });
  });

  describe('a node that says nothing', () => {
    const stuck = async () => {
      await stage.write(put('k', 'old'));
      await stage.join('a#1');
      await stage.read('k', 'a#1');
      return stage.begun(put('k', 'new'));
    };

    it('is fenced when its time is over, and the write is done', async () => {
      const round = await stuck();
      expect(await stage.force(round)).toBe(true);
      expect([await stage.stored('k'), await stage.renew('a#1'), await stage.acknowledge('a#1', 1)]).toEqual([
        'new',
        null,
        false,
      ]);
      expect(await stage.read('k', 'a#1')).toMatchObject({ alive: false, cacheable: false });
      expect(await stage.force(round)).toBe(false);
    });

    it('is not fenced when it has renewed since: its renewal told it what to drop', async () => {
      const round = await stuck();
      expect(await stage.renew('a#1')).toMatchObject({
        first: 1,
        missed: [{ cache: 'c', register: { kind: 'key', name: 'k' } }],
      });
      expect(await stage.force(round)).toBe(true);
      expect([await stage.stored('k'), await stage.missed('a#1', 1)]).toEqual(['new', []]);
    });

    it('is shown to the others as a round that is stuck', async () => {
      const { register, round } = await stuck();
      await stage.join('b#1');
      const sharers = [['a#1', expect.stringMatching(/^0 /)]];
      expect((await stage.renew('b#1'))?.stuck).toEqual([{ cache: 'c', register, round, sharers }]);
    });

    it('is not waited for when it has left', async () => {
      const round = await stuck();
      await stage.leave('a#1');
      expect((await round.outcome())?.[0]).toBe('replaced');
      await stage.join('a#2');
      expect(await stage.write(put('k', 'newer'))).toContain('replaced');
    });

    it('is not waited for where it evicted what it held, unless it filled again', async () => {
      await stage.write(put('k', 'old'));
      await stage.join('a#1');
      await stage.read('k', 'a#1', 3);
      await stage.renew('a#1', 0, [['k', 2]]);
      await expect(stage.begun(put('k', 'new'))).resolves.toBeDefined();
      await stage.acknowledge('a#1', 1);
      await stage.read('k', 'a#1', 4);
      await stage.renew('a#1', 1, [['k', 4]]);
      expect(await stage.write(put('k', 'newer'))).toContain('replaced');
    });
  });

  describe('an invalidation', () => {
    it('of a tag waits for who holds an entry with it, and spares what is written later', async () => {
      await stage.write(put('k', 'old', { tags: ['t', 'u'] }));
      await stage.write(put('other', 'stays'));
      await stage.join('a#1');
      await stage.read('k', 'a#1');
      const round = await stage.begun(operations.invalidateTag('u'));
      await stage.acknowledge('a#1', 1);
      expect(await round.outcome()).toEqual(['invalidated']);
      expect([await stage.stored('k'), await stage.stored('other')]).toEqual([null, 'stays']);
      await stage.begun(put('k', 'new', { tags: ['u'] }));
      await stage.acknowledge('a#1', 2);
      expect(await stage.stored('k')).toBe('new');
    });

    it.each([
      ['a prefix', operations.invalidatePrefix('a/'), [null, 'b']],
      ['a flush', operations.flush(), [null, null]],
    ])('by %s waits for everybody who holds anything', async (_by, operation, left) => {
      await stage.write(put('a/1', 'a'));
      await stage.write(put('b/1', 'b'));
      await stage.join('a#1');
      await stage.read('b/1', 'a#1');
      const round = await stage.begun(operation);
      await stage.acknowledge('a#1', 1);
      expect(await round.outcome()).toEqual(['invalidated']);
      expect([await stage.stored('a/1'), await stage.stored('b/1')]).toEqual(left);
    });
  });
});
