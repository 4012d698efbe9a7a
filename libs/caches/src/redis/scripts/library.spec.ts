import { add, CacheStage, MEANS, type Means, put, remove } from '../../../../../test/stages/cache-stage.js';
import * as operations from '../operations.js';
import { addCounts, describeCaches, sweepEntries } from './cache.commands.js';
import type { Round, StuckRound } from './coherence.commands.js';
import { peek } from './entry.commands.js';
import { endFill, renewFill } from './fill.commands.js';

const COMMANDS = 2_500;
/** What a sequence must have gone through, or it shows nothing. */
const HAPPENS = [
  ...[
    'pending',
    'created',
    'replaced',
    'incremented',
    'mismatch',
    'lease-void',
    'too-large',
    'not-an-integer',
  ],
  ...['invalidated', 'dropped', 'configured', '"hit"', '"held"', '"cacheable":true'],
];
const CONFIG = { coherence: 'strict', maxEntryBytes: 1_000, nearCacheBytes: 1_000_000 } as const;

/** The same choices for the same seed. */
const choices = (seed: number) => {
  let state = seed;
  return (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return Math.floor((state / 2_147_483_647) * below);
  };
};

/** A reply without instants, versions and durations, which differ from call to call, and so does what is sorted by them. */
const timeless = (reply: unknown) =>
  JSON.stringify(reply, (name, value: unknown) => {
    if (name === 'stuck') return (value as StuckRound[]).map((round) => JSON.stringify(round)).sort();
    return /Ms$|^expiresAt$/.test(name) && value !== null ? 'time' : value;
  })?.replace(/\d{13,}/g, 'time');

/** Sends one command after the other, about several caches and by several incarnations in turn; returns the replies. */
async function repliesTo(stage: CacheStage, seed: number): Promise<string[]> {
  const pick = choices(seed);
  const caches = ['a', 'b', 'c'].map((name) => stage.of(name));
  const rounds: [CacheStage, Round][] = [];
  let writes = 0;
  const incarnation = () => `n${pick(3)}#1`;
  const key = () => `k${pick(4)}`;
  const tags = () => [[], ['t'], ['t', 'u']][pick(3)] ?? [];

  const rare = () =>
    [
      operations.invalidateTag(['t', 'u'][pick(2)] ?? ''),
      operations.invalidatePrefix(['k1', 'x'][pick(2)] ?? ''),
      operations.flush(),
      operations.drop(),
      operations.configure({
        ...CONFIG,
        ...{ defaultTtlMs: 100_000 * pick(2) || null, maxBytes: null, maxEntries: null },
      }),
    ][pick(5)] ?? operations.flush();
  const operation = () =>
    [
      () => put(key(), `${pick(1_000)}`, { tags: tags() }),
      () => put(key(), `${pick(1_000)}`, { tags: tags() }),
      () => put(key(), 'x', { ttlMs: 1_000_000, ifNoneMatch: '*' }),
      () => put(key(), 'x'.repeat(2_000)),
      () => put(key(), 'filled', { fillLease: `lease${pick(3)}`, tags: tags() }),
      () => remove(key()),
      () => add(key(), pick(10)),
      () => add(key(), pick(10)),
      rare,
    ][pick(9)]?.() ?? rare();

  const command = async (): Promise<unknown> => {
    const cache = caches[pick(caches.length)] ?? stage;
    switch (pick(14)) {
      case 0:
        return stage.join(incarnation());
      case 1:
        return pick(4) === 0
          ? stage.leave(incarnation())
          : stage.renew(incarnation(), pick(20), [[key(), pick(9)]]);
      case 2:
        return stage.acknowledge(incarnation(), pick(40));
      case 3:
        return cache.lease(key(), `lease${pick(3)}`);
      case 4:
        return renewFill(stage.redis, {
          ...cache.ofCache,
          key: key(),
          lease: `lease${pick(3)}`,
          leaseMs: 9_000,
        });
      case 5:
        return endFill(stage.redis, { ...cache.ofCache, key: key(), lease: `lease${pick(3)}` });
      case 6:
        return Promise.all([
          cache.freeLeases('k0', 'k1'),
          describeCaches(stage.redis, { ...cache.ofShard, caches: [cache.cache] }),
        ]);
      case 7:
        return sweepEntries(stage.redis, { ...cache.ofCache, max: 5 }).then((left) => typeof left);
      case 8:
        return peek(stage.redis, { ...cache.ofCache, key: key(), incarnation: incarnation(), most: 500 });
      case 9:
        return addCounts(stage.redis, { ...cache.ofCache, counts: [['misses', 1]] });
      case 10: {
        const [of, round] = rounds.shift() ?? [];
        return round && of?.force(round);
      }
      case 11:
      case 12: {
        // Now and then one that was sent before.
        if (pick(6) > 0) writes += 1;
        const id = `w${writes}`;
        const prepared = await cache.prepare(operation(), {
          id,
          incarnation: incarnation(),
          lastFill: pick(9),
        });
        if (prepared.state === 'pending') rounds.push([cache, prepared.round]);
        return [prepared, await cache.outcomeOf(id)];
      }
      default:
        return cache.read(key(), incarnation(), pick(9));
    }
  };

  const replies: string[] = [];
  for (let i = 0; i < COMMANDS; i += 1) {
    replies.push(String(timeless(await command().catch((error: Error) => `${error.message.slice(0, 20)}`))));
  }
  return replies;
}

describe('the library of the caches', () => {
  const stages = new Map<Means, CacheStage>();
  beforeAll(async () => {
    for (const means of MEANS) stages.set(means, await CacheStage.start(means));
  });
  beforeEach(async () => {
    for (const stage of stages.values()) await stage.begin();
  });
  afterAll(async () => {
    for (const stage of stages.values()) await stage.stop();
  });

  /** What a library leaves from one call to the next a script, whose text runs again each time, does not. */
  it.each([1, 2])(
    'answers as scripts do, which remember nothing of the call before: seed %i',
    async (seed) => {
      const [byFunctions, byScripts] = await Promise.all(
        MEANS.map((means) => repliesTo(stages.get(means) as CacheStage, seed)),
      );
      expect(byFunctions).toEqual(byScripts);
      const all = byFunctions?.join() ?? '';
      expect(HAPPENS.filter((word) => !all.includes(word))).toEqual([]);
    },
  );
});
