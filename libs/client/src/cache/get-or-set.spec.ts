import { setTimeout as sleep } from 'node:timers/promises';
import { answeredBy, eventually, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import {
  CacheClient,
  type Codec,
  ConnectionError,
  FillFailedError,
  type LoadOptions,
  type Syncline,
  ValidationError,
} from '../index.js';

describe.each(WAYS)('getOrSet over %s:', (way) => {
  let deployment: Deployment;
  let client: Syncline;
  /** A second client, as another process has: it shares nothing else with the first. */
  let other: Syncline;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'cache');
    client = await deployment.connect();
    other = await deployment.connect();
  });
  afterAll(() => deployment?.stop());

  /** A promise that a test resolves. */
  function gate() {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { opened, open };
  }

  const fillRequests = () => answeredBy(deployment.nodes, /fill"/);

  /** How many callers of other processes wait for a key, according to Redis. */
  async function waited(cache: string, key: string) {
    const connection = deployment.redis.connect();
    try {
      await eventually(async () =>
        expect(await connection.exists(`syncline:{cache:${cache}}:w:${key}`)).toBe(1),
      );
    } finally {
      connection.disconnect();
    }
  }

  describe('getOrSet with a loader that is slower than its lease', () => {
    it('stores the value, and no other caller loads', async () => {
      let loads = 0;
      const slow = async () => {
        loads += 1;
        await sleep(1_500);
        return loads;
      };
      const caches = [client.cache<number>('slow'), other.cache<number>('slow')];
      const values = await Promise.all(caches.map((cache) => cache.getOrSet('k', slow, { leaseMs: 300 })));
      expect([values, loads]).toEqual([[1, 1], 1]);
      expect(await caches[1]?.get('k')).toBe(1);
    });

    it.each([
      ['a write', (key: string) => other.cache<number>('overtaken').set(key, 2), 2],
      ['a delete', (key: string) => other.cache<number>('overtaken').delete(key), undefined],
      ['an invalidated tag', () => other.cache<number>('overtaken').invalidateTags('t'), undefined],
    ])('does not store the value after %s', async (name, overtake, left) => {
      const cache = client.cache<number>('overtaken');
      const loader = async () => {
        await overtake(name);
        await sleep(700);
        return 1;
      };
      expect(await cache.getOrSet(name, loader, { leaseMs: 300, tags: ['t'] })).toBe(1);
      expect(await other.cache<number>('overtaken').get(name)).toBe(left);
      // The key is free again.
      expect(await other.cache<number>('overtaken').getOrSet(name, () => 3)).toBe(left ?? 3);
    });
  });

  describe('getOrSet with a load that fails', () => {
    const LONG = { leaseMs: 3_600_000, waitMs: 600_000 };

    it.each([
      ['throws', () => Promise.reject(new Error('no database')), 'no database'],
      [
        'throws at once',
        (): never => {
          throw new Error('no database');
        },
        'no database',
      ],
      ['throws a string', () => Promise.reject('text'), 'text'],
      ['throws a value without toString', () => Promise.reject(Object.create(null)), undefined],
      ['returns undefined', () => undefined, 'JSON'],
    ])('frees the key when the loader %s', async (name, loader, message) => {
      const cache = client.cache<unknown>('badly');
      const failure = await cache.getOrSet(name, loader, LONG).catch((error: unknown) => error);
      if (message !== undefined) expect(String(failure)).toContain(message);
      expect(await other.cache<unknown>('badly').getOrSet(name, () => 1, LONG)).toBe(1);
    });

    it('throws FillFailedError to the waiting callers of other processes', async () => {
      const begun = gate();
      const loading = gate();
      const failing = client.cache<number>('told').getOrSet(
        'k',
        async () => {
          begun.open();
          await loading.opened;
          throw new Error('no database');
        },
        LONG,
      );
      failing.catch(() => {});
      await begun.opened;
      const waiting = other.cache<number>('told').getOrSet('k', () => 2, LONG);
      waiting.catch(() => {});
      await waited('told', 'k');
      loading.open();
      await expect(failing).rejects.toThrow('no database');
      const outcome = await waiting.catch((error: unknown) => error);
      // It called again after the failure, so it loads.
      if (outcome !== 2) {
        expect(outcome).toBeInstanceOf(FillFailedError);
        expect(String(outcome)).toContain('no database');
      }
    });

    it('throws the error of one load to all waiting callers of this process', async () => {
      let loads = 0;
      const own = new Error('mine');
      const loader = async (): Promise<number> => {
        loads += 1;
        await sleep(300);
        throw own;
      };
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, () => client.cache<number>('ten').getOrSet('k', loader, LONG)),
      );
      expect(outcomes).toEqual(outcomes.map(() => ({ status: 'rejected', reason: own })));
      expect(loads).toBe(1);
    });

    it.each<[string, LoadOptions]>([
      ['a fraction as ttlMs', { ttlMs: 1.5 }],
      ['NaN as ttlMs', { ttlMs: Number.NaN }],
      ['0 as ttlMs', { ttlMs: 0 }],
      ['a negative staleMs', { staleMs: -1 }],
      ['a tag with a comma', { tags: ['a,b'] }],
      ['0 as leaseMs', { leaseMs: 0 }],
      ['NaN as waitMs', { waitMs: Number.NaN }],
      ['a negative waitMs', { waitMs: -1 }],
    ])('refuses %s before it loads', async (name, options) => {
      const cache = client.cache<number>('options');
      let loads = 0;
      await expect(cache.getOrSet(name, () => ++loads, options)).rejects.toThrow(ValidationError);
      expect(loads).toBe(0);
      expect(await cache.getOrSet(name, () => ++loads, LONG)).toBe(1);
    });

    it('returns a value that is too large to store, and frees the key', async () => {
      const errors: unknown[] = [];
      const options = { onError: (error: unknown) => errors.push(error) };
      const cache = client.cache<string>('large', options);
      await cache.configure({ maxEntryBytes: 10 });
      const value = 'x'.repeat(11);
      const callers = [cache, cache, other.cache<string>('large', options)];
      const values = await Promise.all(callers.map((one) => one.getOrSet('k', () => value, LONG)));
      expect(values).toEqual(callers.map(() => value));
      expect(errors.map(String)).toEqual(
        errors.map(() => expect.stringContaining('larger than the 10 bytes')),
      );
      expect(errors.length).toBeGreaterThan(0);
      expect(await cache.getOrSet('k', () => 'short', LONG)).toBe('short');
    });

    it('aborts the loader when its caller is gone, and frees the key', async () => {
      const controller = new AbortController();
      const begun = gate();
      let aborted: unknown;
      const loading = client.cache<number>('gone').getOrSet(
        'k',
        (signal) =>
          new Promise(() => {
            signal.addEventListener('abort', () => {
              aborted = signal.reason;
            });
            begun.open();
          }),
        { ...LONG, signal: controller.signal },
      );
      await begun.opened;
      controller.abort(new Error('gone'));
      await expect(loading).rejects.toThrow('gone');
      expect(String(aborted)).toContain('gone');
      expect(await other.cache<number>('gone').getOrSet('k', () => 2, LONG)).toBe(2);
    });

    it('continues for the other callers when one of them is gone', async () => {
      const controller = new AbortController();
      const begun = gate();
      const go = gate();
      const cache = client.cache<number>('left');
      const loader = async () => {
        begun.open();
        await go.opened;
        return 1;
      };
      const gone = cache.getOrSet('k', loader, { signal: controller.signal });
      const stays = cache.getOrSet('k', loader);
      await begun.opened;
      controller.abort(new Error('gone'));
      await expect(gone).rejects.toThrow('gone');
      go.open();
      expect(await stays).toBe(1);
    });
  });

  describe('getOrSet with many callers in one process', () => {
    it('sends one request and loads once', async () => {
      const before = await fillRequests();
      let loads = 0;
      const values = await Promise.all(
        Array.from({ length: 100 }, () =>
          client.cache<{ n: number }>('herd').getOrSet('k', async () => {
            await sleep(100);
            return { n: ++loads };
          }),
        ),
      );
      expect(values).toEqual(values.map(() => ({ n: 1 })));
      expect(new Set(values).size).toBe(100);
      expect((await fillRequests()) - before).toBe(deployment.nodes.length > 0 ? 1 : 0);
    });

    it('shares one request and one read while another process loads', async () => {
      const go = gate();
      const begun = gate();
      const loading = other.cache<number>('waiting').getOrSet('k', async () => {
        begun.open();
        await go.opened;
        return 7;
      });
      await begun.opened;
      const before = await fillRequests();
      const herd = Array.from({ length: 100 }, () => client.cache<number>('waiting').getOrSet('k', () => 8));
      await waited('waiting', 'k');
      go.open();
      expect(await loading).toBe(7);
      expect(await Promise.all(herd)).toEqual(herd.map(() => 7));
      expect((await fillRequests()) - before).toBe(deployment.nodes.length > 0 ? 1 : 0);
    });

    it('loads once when another process takes too long', async () => {
      const go = gate();
      const begun = gate();
      const slow = other.cache<number>('late').getOrSet('k', async () => {
        begun.open();
        await go.opened;
        return 7;
      });
      await begun.opened;
      let loads = 0;
      const load = async () => {
        loads += 1;
        // The waits of all others end while the first one loads.
        await sleep(500);
        return loads;
      };
      const herd = Array.from({ length: 50 }, () =>
        client.cache<number>('late').getOrSet('k', load, { waitMs: 200 }),
      );
      expect(await Promise.all(herd)).toEqual(herd.map(() => 1));
      go.open();
      expect(await slow).toBe(7);
    });

    it('waits for ever with waitMs: Infinity', async () => {
      const go = gate();
      const begun = gate();
      const slow = other.cache<number>('ever').getOrSet('k', async () => {
        begun.open();
        await go.opened;
        return 7;
      });
      await begun.opened;
      const waiting = client
        .cache<number>('ever')
        .getOrSet('k', () => 8, { waitMs: Number.POSITIVE_INFINITY });
      await waited('ever', 'k');
      go.open();
      expect([await slow, await waiting]).toEqual([7, 7]);
    });

    it('does not share a value that was loaded before a write that the caller has seen', async () => {
      const cache = client.cache<number>('fresh');
      let stored = 1;
      const begun = gate();
      const go = gate();
      const loader = async () => {
        const value = stored;
        begun.open();
        await go.opened;
        return value;
      };
      const early = cache.getOrSet('k', loader);
      await begun.opened;
      stored = 2;
      await other.cache<number>('fresh').delete('k');
      const late = cache.getOrSet('k', loader);
      go.open();
      expect(await early).toBe(1);
      expect(await late).toBe(2);
      expect(await cache.get('k')).toBe(2);
    });
  });

  it('getOrSet returns a loaded value as a later read returns it', async () => {
    const date: Codec<Date | string> = {
      contentType: 'text/plain',
      encode: (value) => String(value instanceof Date ? value.toISOString() : value),
      decode: (bytes) => new Date(bytes.toString()),
    };
    const dates = client.cache('types', { codec: date });
    const load = () => dates.getOrSet('k', () => '2026-01-31T09:30:00.000Z');
    const [miss, hit] = [await load(), await load()];
    expect(miss).toBeInstanceOf(Date);
    expect(hit).toEqual(miss);
    const plain = client.cache<unknown>('types');
    const odd = () => ({ at: new Date(0), gone: undefined, list: [Number.NaN] });
    expect(await plain.getOrSet('j', odd)).toEqual({ at: '1970-01-01T00:00:00.000Z', list: [null] });
    expect(await plain.getOrSet('j', odd)).toEqual({ at: '1970-01-01T00:00:00.000Z', list: [null] });
  });
});

describe('getOrSet while the cache cannot be reached', () => {
  it('fails, or with whenAway: load loads once without storing', async () => {
    const nowhere = new CacheClient({ urls: ['http://127.0.0.1:1'], timeoutMs: 3_000 });
    const cache = nowhere.cache<number>('away');
    await expect(cache.getOrSet('k', () => 1)).rejects.toThrow(ConnectionError);
    let loads = 0;
    const loader = async () => {
      await sleep(100);
      return ++loads;
    };
    const load = () => cache.getOrSet('k', loader, { whenAway: 'load', staleMs: 1_000 });
    expect(await Promise.all(Array.from({ length: 10 }, load))).toEqual(Array(10).fill(1));
    await expect(
      cache.getOrSet('k', () => Promise.reject(new Error('mine')), { whenAway: 'load' }),
    ).rejects.toThrow('mine');
    await nowhere.close();
  });

  it('does the same while Redis cannot be reached, and stores again when it is back', async () => {
    await using own = await RedisServer.start();
    const [node] = await startNodes('cache', 1, { redisUrl: own.url });
    const local = new CacheClient({ urls: [node?.url ?? ''], timeoutMs: 1_000 });
    const cache = local.cache<number>('away');
    own.freeze();
    await expect(cache.getOrSet('k', () => 1)).rejects.toMatchObject({
      code: expect.stringMatching(/^(store-unavailable|deadline-exceeded|connection-failed)$/),
    });
    expect(await cache.getOrSet('k', () => 2, { whenAway: 'load' })).toBe(2);
    own.thaw();
    await eventually(async () => {
      await cache.getOrSet('k', () => 3, { whenAway: 'load' });
      expect(await cache.get('k')).toBe(3);
    });
    await local.close();
    await stopAll(node === undefined ? [] : [node]);
  });
});
