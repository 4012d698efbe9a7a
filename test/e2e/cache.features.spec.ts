import { eventually } from '@syncline/testing';
import request, { type Response } from 'supertest';
import { NodesStage } from '../stages/nodes-stage.js';
import { ScriptCalls } from '../stages/script-calls.js';

describe('what a cache does beside entries', () => {
  const stage = NodesStage.forTests('cache', 3);
  const url = (i: number) => stage.node(i).url;
  const at = (i: number, key: string) =>
    `${url(i)}/v1/caches/${stage.name}/entries/${encodeURIComponent(key)}`;
  const put = (i: number, key: string, body: string, query = '', headers: Record<string, string> = {}) =>
    fetch(`${at(i, key)}${query}`, {
      method: 'PUT',
      body,
      headers: { 'Content-Type': 'text/plain', ...headers },
    });
  const get = async (i: number, key: string, headers: Record<string, string> = {}) => {
    const response = await fetch(at(i, key), { headers });
    return { status: response.status, text: await response.text(), source: response.headers.get('x-cache') };
  };
  const post = (i: number, path: string, body: object) =>
    request(url(i)).post(`/v1/caches/${stage.name}${path}`).send(body);
  const fill = (i: number, key: string, body: object) => post(i, `/entries/${key}/fill`, body);
  const status = async (i: number, key: string) => (await get(i, key)).status;
  /** Writes through a node that waited a lease for one that said nothing. */
  const forcedWrites = async (i: number) =>
    Number(/^cache_forced_writes_total (\d+)$/m.exec((await request(url(i)).get('/metrics')).text)?.[1]);

  describe('the near cache', () => {
    it('answers the second read through a node, and Redis hears nothing of it', async () => {
      await put(0, 'k', 'x');
      for (const i of [0, 1, 2]) {
        expect((await get(i, 'k')).source).toBe('store');
        expect((await get(i, 'k')).source).toBe('near');
      }
      const calls = await ScriptCalls.of([stage.redis]);
      for (let n = 0; n < 300; n += 1) expect((await get(0, 'k')).source).toBe('near');
      // What this one asks, Redis hears after all that the others asked.
      expect((await get(0, 'k', { 'Cache-Control': 'no-cache' })).source).toBe('store');
      const reads = () => calls.all.filter(({ name }) => name === 'caches/fill');
      await eventually(() => expect(reads()).not.toEqual([]));
      calls.stop();
      expect(reads()).toHaveLength(1);
    });

    it('is passed by a read with Cache-Control: no-cache', async () => {
      await put(0, 'k', 'x');
      await get(0, 'k');
      expect((await get(0, 'k')).source).toBe('near');
      expect((await get(0, 'k', { 'Cache-Control': 'no-cache' })).source).toBe('store');
    });

    it('also knows that there is no entry, and learns when there is one', async () => {
      expect((await get(0, 'k')).status).toBe(404);
      expect(await get(0, 'k')).toMatchObject({ status: 404, source: 'near' });
      await put(1, 'k', 'x');
      expect((await get(0, 'k')).text).toBe('x');
    });

    it('does not serve beyond the TTL', async () => {
      const stored = (await (await put(0, 'k', 'x', '?ttlMs=2000')).json()) as { expiresAt: string };
      const end = Date.parse(stored.expiresAt);
      await get(0, 'k');
      let near = 0;
      for (;;) {
        const askedAt = Date.now();
        const { status: code, source } = await get(0, 'k');
        if (code === 404) break;
        if (source === 'near') near += 1;
        // However late the answer is: what is asked for after the end is not there.
        expect(askedAt).toBeLessThanOrEqual(end);
      }
      expect(near).toBeGreaterThan(0);
    });
  });

  describe('a tag, a prefix, a flush', () => {
    it('invalidate what they cover on all nodes at once, and nothing else', async () => {
      await put(0, 'user/1', 'a', '?tags=users,vip');
      await put(0, 'user/2', 'b', '?tags=users');
      await put(0, 'page/1', 'c', '?tags=pages');
      for (const i of [0, 1, 2]) for (const key of ['user/1', 'user/2', 'page/1']) await get(i, key);
      expect((await get(1, 'user/1')).source).toBe('near');

      expect((await post(2, '/invalidate', { tags: ['vip'] }).expect(200)).body).toEqual({ invalidated: 1 });
      for (const i of [0, 1, 2]) {
        expect(await status(i, 'user/1')).toBe(404);
        expect(await status(i, 'user/2')).toBe(200);
      }
      await post(1, '/invalidate', { prefix: 'user/' }).expect(200);
      for (const i of [0, 1, 2]) {
        expect(await status(i, 'user/2')).toBe(404);
        expect(await status(i, 'page/1')).toBe(200);
      }
      await request(url(0)).delete(`/v1/caches/${stage.name}`).expect(204);
      for (const i of [0, 1, 2]) expect(await status(i, 'page/1')).toBe(404);
      expect((await put(0, 'user/1', 'new', '?tags=vip')).status).toBe(201);
      for (const i of [0, 1, 2]) expect((await get(i, 'user/1')).text).toBe('new');
    });

    it('leave nothing behind in Redis', async () => {
      for (let n = 0; n < 30; n += 1) await put(0, `p${n}`, 'x', '?tags=t');
      await post(0, '/invalidate', { tags: ['t'] });
      for (let n = 0; n < 30; n += 1) await put(0, `q${n}`, 'x');
      await request(url(0)).delete(`/v1/caches/${stage.name}`).expect(204);
      const client = stage.redis.connect();
      try {
        await eventually(async () =>
          expect(await client.keys(`syncline:{cache:${stage.name}}:v:*`)).toEqual([]),
        );
      } finally {
        client.disconnect();
      }
      const { body } = await request(url(0)).get(`/v1/caches/${stage.name}`).expect(200);
      expect(body.stats).toMatchObject({ entries: 0, bytes: 0 });
    });

    it('are refused when both or none are given', async () => {
      await post(0, '/invalidate', {}).expect(400);
      await post(0, '/invalidate', { tags: ['a'], prefix: 'b' }).expect(400);
    });
  });

  describe('fill', () => {
    it('gives one caller in the cluster the lease; the others get what it stores', async () => {
      const fills = Array.from({ length: 30 }, (_, i) => fill(i, 'k', { waitMs: 5_000 }).expect(200));
      const computing = (async () => {
        const first = await Promise.race(fills.map(async (one) => (await one).body));
        expect(first.status).toBe('lease');
        const stored = await put(1, 'k', 'computed', '', { 'X-Fill-Lease': first.fillLease });
        expect(stored.status).toBe(201);
      })();
      const answers = (await Promise.all(fills)).map(({ body }) => body);
      await computing;
      expect(answers.filter(({ status: one }) => one === 'lease')).toHaveLength(1);
      const hits = answers.filter(({ status: one }) => one === 'hit');
      expect(hits).toHaveLength(29);
      for (const hit of hits) expect(hit).toMatchObject({ value: 'computed', encoding: 'utf8' });
    });

    it('answers wait-timeout when nobody stored a value in time', async () => {
      expect((await fill(0, 'k', {}).expect(200)).body.status).toBe('lease');
      const startedAt = performance.now();
      expect((await fill(1, 'k', { waitMs: 300 }).expect(409)).body.code).toBe('wait-timeout');
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290);
      expect((await fill(1, 'k', {}).expect(409)).body.code).toBe('wait-timeout');
    });

    it('does not leave the lease with a caller that disconnected before it was told of it', async () => {
      await fill(0, 'other', {}).expect(200);
      stage.redis.freeze();
      const disconnect = new AbortController();
      const gone = fetch(`${at(0, 'k')}/fill`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ leaseMs: 60_000 }),
        signal: disconnect.signal,
      }).catch((error: Error) => error.name);
      // Answered after the call, on another connection: by then the node has the call.
      await fetch(`${url(0)}/health/live`);
      disconnect.abort();
      expect(await gone).toBe('AbortError');
      await fetch(`${url(0)}/health/live`);
      stage.redis.thaw();
      await eventually(async () => {
        expect((await fill(1, 'k', { waitMs: 1_000 })).body.status).toBe('lease');
      });
    });

    it('gives the lease to a waiter when the first caller lets it run out', async () => {
      await fill(0, 'k', { leaseMs: 300 }).expect(200);
      const { body } = await fill(1, 'k', { waitMs: 3_000 }).expect(200);
      expect(body.status).toBe('lease');
    });

    it.each([
      ['made up', async () => 'nonsense'],
      [
        'revoked by a write',
        async () => {
          const { body } = await fill(0, 'k', {});
          await put(1, 'k', 'newer');
          return body.fillLease;
        },
      ],
      [
        'revoked by a delete',
        async () => {
          const { body } = await fill(0, 'k', {});
          await fetch(at(1, 'k'), { method: 'DELETE' });
          return body.fillLease;
        },
      ],
      [
        'revoked by an invalidation of its tag',
        async () => {
          const { body } = await fill(0, 'k', {});
          await post(1, '/invalidate', { tags: ['t'] });
          return body.fillLease;
        },
      ],
      [
        'run out',
        async () => {
          const { body } = await fill(0, 'k', { leaseMs: 100 });
          await eventually(async () =>
            expect((await fill(0, 'k', { leaseMs: 100 })).body.status).toBe('lease'),
          );
          return body.fillLease;
        },
      ],
    ])('refuses to store with a lease that is %s', async (_what, lease) => {
      const stored = await put(0, 'k', 'late', '?tags=t', { 'X-Fill-Lease': await lease() });
      expect(stored.status).toBe(412);
      expect((await get(0, 'k')).text).not.toBe('late');
    });

    it('of a stale value gives one caller the lease and all of them the value', async () => {
      await put(0, 'k', 'old', '?ttlMs=100&staleMs=60000');
      await eventually(async () => expect((await get(0, 'k')).source).toBe('stale'));
      const answers = await Promise.all(
        [0, 1, 2, 0, 1, 2].map((i) => fill(i, 'k', { waitMs: 1_000 }).expect(200)),
      );
      const bodies = answers.map(({ body }) => body);
      for (const body of bodies) expect(body).toMatchObject({ status: 'stale', value: 'old' });
      const leases = bodies.filter((body) => body.fillLease !== undefined);
      expect(leases).toHaveLength(1);
      expect((await put(0, 'k', 'new', '', { 'X-Fill-Lease': leases[0].fillLease })).status).toBe(200);
      expect((await fill(2, 'k', {})).body).toMatchObject({ status: 'hit', value: 'new' });
    });
  });

  describe('increment', () => {
    it('counts exactly through all nodes', async () => {
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, i) => post(i, '/entries/n/increment', {}).expect(200)),
      );
      const values = answers.map(({ body }) => body.value).sort((a, b) => a - b);
      expect(values).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
      expect((await get(1, 'n')).text).toBe('60');
      const down = await post(0, '/entries/n/increment', { by: -70 }).expect(200);
      expect(down.body).toEqual({ value: -10, version: expect.stringMatching(/^\d+$/) });
    });

    it('adds once for one Idempotency-Key, and each time for one X-Request-Id, which only names a request', async () => {
      const add = (i: number, header: string, key = 'n') =>
        post(i, `/entries/${key}/increment`, { by: 5 }).set(header, 'same').expect(200);
      const first = await add(0, 'Idempotency-Key');
      expect((await add(1, 'Idempotency-Key')).body).toEqual(first.body);
      expect((await get(2, 'n')).text).toBe('5');
      expect((await add(0, 'Idempotency-Key', 'other')).body.value).toBe(5);
      for (const i of [0, 1]) await add(i, 'X-Request-Id');
      expect((await get(2, 'n')).text).toBe('15');
      await post(0, '/entries/n/increment', {}).set('Idempotency-Key', 'x'.repeat(129)).expect(400);
    });

    it('gives a counter that it makes its TTL, and refuses what is no integer', async () => {
      let tries = 0;
      const counter = await eventually(async () => {
        const key = `n${tries++}`;
        await post(0, `/entries/${key}/increment`, { ttlMs: 500 }).expect(200);
        const { body } = await post(0, `/entries/${key}/increment`, { ttlMs: 60_000 }).expect(200);
        // Otherwise the first one was over by then.
        expect(body.value).toBe(2);
        return key;
      });
      await eventually(async () => expect(await status(0, counter)).toBe(404));
      await put(0, 'text', 'abc');
      expect((await post(0, '/entries/text/increment', {}).expect(409)).body.code).toBe('not-an-integer');
      await put(0, 'large', '9007199254740991');
      expect((await post(0, '/entries/large/increment', {}).expect(409)).body.code).toBe('not-an-integer');
    });
  });

  describe('touch', () => {
    const touch = (i: number, key: string, ttlMs: number) => post(i, `/entries/${key}/touch`, { ttlMs });

    it('shortens what is left on all nodes that hold the entry, and leaves its bytes and its version', async () => {
      const stored = (await (await put(0, 'k', 'x', '?ttlMs=3600000')).json()) as {
        version: string;
        expiresAt: string;
      };
      for (const i of [0, 1, 2, 0, 1, 2]) await get(i, 'k');
      expect((await get(1, 'k')).source).toBe('near');
      const { body } = await touch(0, 'k', 1_000).expect(200);
      expect(body.version).toBe(stored.version);
      expect(Date.parse(body.expiresAt)).toBeLessThan(Date.parse(stored.expiresAt) - 3_000_000);
      for (const i of [1, 2]) {
        for (;;) {
          const askedAt = Date.now();
          const { status: code, text } = await get(i, 'k');
          if (code === 404) break;
          expect(text).toBe('x');
          expect(askedAt).toBeLessThanOrEqual(Date.parse(body.expiresAt));
        }
      }
    });

    it('lets an entry live longer, a stale one too, which is fresh again', async () => {
      await put(0, 'k', 'x', '?ttlMs=100&staleMs=3600000');
      await eventually(async () => expect((await get(1, 'k')).source).toBe('stale'));
      await touch(2, 'k', 3_600_000).expect(200);
      for (const i of [0, 1, 2]) expect(await get(i, 'k')).toMatchObject({ text: 'x', source: 'store' });
    });

    it('finds nothing where there is nothing, and makes nothing', async () => {
      expect((await touch(0, 'none', 1_000).expect(404)).body.code).toBe('not-found');
      await touch(0, 'none', 0).expect(400);
      const list = await request(url(0)).get('/v1/caches?limit=1000').expect(200);
      expect(list.body.caches.map(({ name }: { name: string }) => name)).not.toContain(stage.name);
    });
  });

  describe('a list of entries', () => {
    const page = (query: Record<string, string | number>) =>
      request(url(0)).get(`/v1/caches/${stage.name}/entries`).query(query);
    const listed = async (query: Record<string, string | number>, meanwhile = async () => {}) => {
      const keys: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const { body }: Response = await page({ ...query, ...(cursor !== '' && { cursor }) }).expect(200);
        if (query.limit !== undefined) expect(body.entries.length).toBeLessThanOrEqual(Number(query.limit));
        keys.push(...body.entries.map(({ key }: { key: string }) => key));
        cursor = body.cursor;
        await meanwhile();
      }
      return keys;
    };
    const fillWith = async (keys: readonly string[]) => {
      for (let i = 0; i < keys.length; i += 1_000) {
        const entries = keys.slice(i, i + 1_000).map((key) => ({ key, value: key }));
        await post(0, '/mset', { entries }).expect(200);
      }
    };

    it('shows each key once with its version, size and end, by its prefix, and only what may be served', async () => {
      await put(0, 'user/1', 'abc', '?ttlMs=60000&tags=t');
      await put(0, 'user/2', 'ä');
      await put(0, 'user/3', 'x', '?tags=gone');
      await put(0, '__proto__', '');
      await post(0, '/invalidate', { tags: ['gone'] });
      const { body } = await page({ prefix: 'user/' }).expect(200);
      const any = expect.any(String);
      expect(body.entries.sort((a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1))).toEqual(
        [
          { key: 'user/1', version: any, bytes: 3, expiresAt: any },
          { key: 'user/2', version: any, bytes: 2, expiresAt: null },
        ],
      );
      expect(body.cursor).toBeNull();
      expect((await listed({ limit: 1 })).sort()).toEqual(['__proto__', 'user/1', 'user/2']);
      expect(await listed({ prefix: 'nothing' })).toEqual([]);
    });

    it('has every entry that is there all the while, whatever comes and goes, in pages of any size', async () => {
      const keys = Array.from({ length: 3_000 }, (_, i) => `ä/${i}`);
      await fillWith(keys);
      for (const limit of [7, 1_000]) {
        let more = 0;
        const found = await listed({ limit, prefix: 'ä/' }, async () => {
          if (more < 40) await fillWith(Array.from({ length: 100 }, (_, i) => `b/${more * 100 + i}`));
          more += 1;
        });
        expect(new Set(found)).toEqual(new Set(keys));
      }
    });

    it('refuses a cursor that is none', async () => {
      for (const cursor of ['x', '-1', '99999999999999999999', '1.%', '1..'])
        await page({ cursor }).expect(400);
    });
  });

  it('reads, writes and removes many entries in one call', async () => {
    const entries = [
      { key: 'object', value: { a: [1, 'ä'] } },
      { key: 'text', value: 'plain' },
      { key: 'bytes', value: Buffer.from([0, 255, 1]).toString('base64'), encoding: 'base64' },
      { key: 'typed', value: '<p>', contentType: 'text/html', ttlMs: 60_000, tags: ['t'] },
      { key: 'null', value: null },
    ];
    const stored = await post(0, '/mset', { entries }).expect(200);
    expect(stored.body.results.map((result: { status: string }) => result.status)).toEqual(
      Array(5).fill('created'),
    );
    const keys = ['typed', 'none', 'bytes', 'text', 'object', 'null'];
    for (const i of [1, 1, 2]) {
      const { body } = await post(i, '/mget', { keys }).expect(200);
      expect(body.entries).toEqual([
        expect.objectContaining({
          key: 'typed',
          found: true,
          value: '<p>',
          encoding: 'utf8',
          contentType: 'text/html',
          expiresAt: expect.any(String),
        }),
        { key: 'none', found: false },
        expect.objectContaining({ key: 'bytes', encoding: 'base64', value: 'AP8B' }),
        expect.objectContaining({ key: 'text', value: 'plain', encoding: 'utf8', expiresAt: null }),
        expect.objectContaining({
          key: 'object',
          value: { a: [1, 'ä'] },
          encoding: 'json',
          contentType: 'application/json',
        }),
        expect.objectContaining({ key: 'null', value: null, encoding: 'json' }),
      ]);
    }
    const removed = await post(2, '/mdelete', { keys: ['text', 'none'] }).expect(200);
    expect(removed.body.results).toEqual([
      { key: 'text', status: 'deleted' },
      { key: 'none', status: 'absent' },
    ]);
    expect(await status(0, 'text')).toBe(404);
    await post(0, '/mset', { entries: [{ key: 'x', value: 5, encoding: 'utf8' }] }).expect(400);
    await post(0, '/mget', { keys: [] }).expect(400);
  });

  describe('configuration', () => {
    it('has defaults for a cache that nobody made, and shows what was set', async () => {
      const fresh = await request(url(0)).get(`/v1/caches/${stage.name}`).expect(200);
      expect(fresh.body).toMatchObject({
        name: stage.name,
        defaultTtlMs: null,
        maxEntryBytes: 1_048_576,
        coherence: 'strict',
      });
      const config = { defaultTtlMs: 60_000, maxEntryBytes: 10, nearCacheBytes: 0, coherence: 'eventual' };
      const set = await request(url(1)).put(`/v1/caches/${stage.name}`).send(config).expect(200);
      expect(set.body).toMatchObject(config);
      expect((await request(url(2)).get(`/v1/caches/${stage.name}`)).body).toMatchObject(config);
      const list = await request(url(0)).get('/v1/caches?limit=1000').expect(200);
      expect(list.body.caches.map(({ name }: { name: string }) => name)).toContain(stage.name);
      await request(url(1)).put(`/v1/caches/${stage.name}`).send({ coherence: 'maybe' }).expect(400);
    });

    it('limits entries and gives them a life', async () => {
      await request(url(0))
        .put(`/v1/caches/${stage.name}`)
        .send({ defaultTtlMs: 60_000, maxEntryBytes: 10 })
        .expect(200);
      const large = await put(1, 'k', 'x'.repeat(11));
      expect(large.status).toBe(413);
      expect(((await large.json()) as { code: string }).code).toBe('payload-too-large');
      const { expiresAt } = (await (await put(1, 'k', 'x'.repeat(10))).json()) as { expiresAt: string };
      expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(50_000);
    });

    it('of no near cache keeps every read on Redis', async () => {
      await request(url(0)).put(`/v1/caches/${stage.name}`).send({ nearCacheBytes: 0 }).expect(200);
      await put(1, 'k', 'x');
      for (let n = 0; n < 3; n += 1) expect((await get(0, 'k')).source).toBe('store');
    });

    it('bounds a near cache by bytes, overhead counted', async () => {
      await request(url(0)).put(`/v1/caches/${stage.name}`).send({ nearCacheBytes: 200_000 }).expect(200);
      for (let n = 0; n < 200; n += 1) {
        await put(1, `k${n}`, 'x'.repeat(1_500));
        await get(0, `k${n}`);
      }
      const { body } = await request(url(0)).get(`/v1/caches/${stage.name}`).expect(200);
      expect(body.stats.node.bytes).toBeGreaterThan(100_000);
      expect(body.stats.node.bytes).toBeLessThanOrEqual(200_000);
      expect(body.stats.node.evictions).toBeGreaterThan(50);
    });

    it('eventual: a write does not wait for a silent node, whose reads follow', async () => {
      await request(url(0)).put(`/v1/caches/${stage.name}`).send({ coherence: 'eventual' }).expect(200);
      await put(0, 'k', 'old');
      await get(1, 'k');
      expect((await get(1, 'k')).source).toBe('near');
      stage.nodes[1]?.freeze();
      const forced = await forcedWrites(0);
      await put(0, 'k', 'new');
      stage.nodes[1]?.thaw();
      expect(await forcedWrites(0)).toBe(forced);
      await eventually(async () => expect((await get(1, 'k')).text).toBe('new'));
    });
  });

  it('counts hits and misses for the node and for the cluster', async () => {
    await put(0, 'k', 'xyz');
    for (const i of [0, 0, 0, 1]) await get(i, 'k');
    await get(0, 'none');
    await eventually(async () => {
      const { body } = await request(url(0)).get(`/v1/caches/${stage.name}`).expect(200);
      expect(body.stats).toMatchObject({
        entries: 1,
        bytes: 4,
        nearHits: 2,
        storeHits: 2,
        misses: 1,
        hitRatio: 0.8,
        writes: 1,
      });
      expect(body.stats.node).toMatchObject({
        nodeId: 'cache_1',
        nearHits: 2,
        storeHits: 1,
        misses: 1,
        leased: true,
      });
    });
  });

  it('lets one write wait a lease for a node that died, and no other', async () => {
    await put(0, 'k', 'old');
    await get(2, 'k');
    expect((await get(2, 'k')).source).toBe('near');
    await stage.nodes[2]?.kill();
    const forced = await forcedWrites(0);
    expect((await put(0, 'k', 'new')).status).toBe(200);
    expect(await forcedWrites(0)).toBe(forced + 1);
    await put(0, 'k', 'newer');
    expect(await forcedWrites(0)).toBe(forced + 1);
    stage.nodes.pop();
  });
});
