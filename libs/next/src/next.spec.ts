import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { ReadableStream } from 'node:stream/web';
import { PayloadTooLargeError } from '@syncline/client';
import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../test/stages/deployment.js';
import type { CacheHandlerContext, GetContext, SetContext } from './cache-handler.js';
import {
  type CacheHandler,
  type CacheHandlerClass,
  type CacheHandlerValue,
  type ComponentCacheEntry,
  type ComponentCacheHandler,
  cacheHandler,
  closeCaches,
  componentCacheHandler,
  expirePath,
  expireTags,
} from './index.js';
import { SharedCache, sharedCache, sharedCaches } from './shared-cache.js';

const PAGE = {
  kind: 'APP_PAGE',
  html: '<p>Žluťoučký 🐎</p>',
  rscData: Buffer.from([0, 255, 1]),
  segmentData: new Map([['/_tree', Buffer.from('tree')]]),
  headers: { 'x-next-cache-tags': '_N_T_/layout,_N_T_/posts,posts' },
  postponed: undefined,
  status: 200,
};
const OTHER = { ...PAGE, headers: { 'x-next-cache-tags': '_N_T_/other' } };
const FETCHED = { kind: 'FETCH', data: { headers: {}, body: 'e30=', url: 'u' }, revalidate: 60 };

describe.each(WAYS)('cache handlers of Next (%s)', (way) => {
  let deployment: Deployment;
  /** Two replicas: each has a connection of its own. */
  let replicas: [CacheHandlerClass, CacheHandlerClass];

  const optionsOf = (replica: string) => {
    const urls = deployment.nodes.map(({ url }) => url);
    if (way === 'nodes') return { syncline: { cache: replica === 'a' ? urls : urls.toReversed() } };
    return { syncline: { redis: deployment.redis.url, name: replica } };
  };

  /** One after the other: jest mixes up modules that are imported twice at a time. */
  async function start(replica: string): Promise<CacheHandlerClass> {
    const options = optionsOf(replica);
    await eventually(async () =>
      expect(await sharedCache(options).attempt((cache) => cache.now())).toBeDefined(),
    );
    return cacheHandler(options);
  }

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'cache');
    const [one, two] = [await start('a'), await start('b')];
    replicas = [one, two];
  });
  afterAll(async () => {
    await closeCaches();
    sharedCaches().clear();
    await deployment?.stop();
  });

  /** One request to a replica: Next makes a handler for each. */
  const request = (replica: 0 | 1, context: CacheHandlerContext = { dev: true }): CacheHandler =>
    new replicas[replica](context);

  /** What a replica has. On a busy machine the cache may be out of reach for a moment. */
  const found = (replica: 0 | 1, key: string, context?: GetContext) =>
    eventually(async () => {
      const value = await request(replica).get(key, context);
      expect(value).not.toBeNull();
      return value as CacheHandlerValue;
    });

  /** Requests to a replica, until it has what it rendered. */
  const render = (replica: 0 | 1, key: string, value: unknown, reads?: GetContext, writes?: SetContext) =>
    eventually(async () => {
      const handler = request(replica);
      if ((await handler.get(key, reads)) === null) await handler.set(key, value, writes);
      expect(await request(replica).get(key, reads)).not.toBeNull();
    });

  it('give every replica what one of them stored, with its buffers and maps', async () => {
    const cacheControl = { revalidate: 60, expire: 120 };
    await render(0, '/whole', PAGE, {}, { cacheControl });
    const { lastModified, value, ...rest } = await found(1, '/whole');
    expect(rest).toEqual({ cacheControl });
    expect(Math.abs(lastModified - Date.now())).toBeLessThan(60_000);
    expect(value).toEqual(PAGE);
    expect(Buffer.isBuffer((value as typeof PAGE).segmentData.get('/_tree'))).toBe(true);
    await render(1, '/none', null);
    expect(await found(0, '/none')).toMatchObject({ value: null });
  });

  it('keep pages of some MB, and say which are too large', async () => {
    await render(0, '/large', { ...PAGE, html: '<li>item</li>'.repeat(300_000) });
    expect((await found(1, '/large')).value).toMatchObject({ status: 200 });
    const large = { ...PAGE, rscData: randomBytes(1_200_000) };
    await eventually(async () => {
      const handler = request(0);
      await handler.get('/noise');
      await expect(handler.set('/noise', large)).rejects.toThrow(PayloadTooLargeError);
    });
  });

  it('serve on no replica what was revalidated by a tag, by a path, or by a route handler', async () => {
    const revalidations = [
      () => request(0).revalidateTag('posts'),
      () => request(1).revalidateTag(['unused', '_N_T_/posts']),
      () => expireTags('posts'),
      () => expirePath('/posts/'),
      () => expirePath('/', 'layout'),
    ];
    for (const revalidate of revalidations) {
      // Again each time: what was revalidated is kept again.
      await render(0, '/posts', PAGE);
      await render(1, '/other', OTHER);
      for (let reads = 0; reads < 3; reads += 1) await found(1, '/posts');
      await revalidate();
      expect([await request(1).get('/posts'), await request(0).get('/posts')]).toEqual([null, null]);
      await found(0, '/other');
    }
  });

  it('do not keep what was being rendered while it was revalidated', async () => {
    const first = request(0);
    expect(await first.get('/slow')).toBeNull();
    await request(1).revalidateTag('posts');
    await first.set('/slow', PAGE);
    expect(await request(0).get('/slow')).toBeNull();
    // As what is rendered because its time is over.
    await render(0, '/slow', PAGE);
    const refresh = request(0);
    expect(await refresh.get('/slow')).not.toBeNull();
    await request(1).revalidateTag('posts');
    await refresh.set('/slow', PAGE);
    expect(await request(1).get('/slow')).toBeNull();
  });

  it('keep a page of which nothing was revalidated, whatever else is', async () => {
    let page = 0;
    await eventually(async () => {
      page += 1;
      const handler = request(0);
      expect(await handler.get(`/new/${page}`)).toBeNull();
      await handler.set(`/new/${page}`, { ...PAGE, headers: { 'x-next-cache-tags': `new-${page}` } });
      await request(1).revalidateTag('else');
      expect(await request(1).get(`/new/${page}`)).not.toBeNull();
    });
  });

  it('judge a fetch by its tags, and by the paths of the page that reads it', async () => {
    const on = (path: string) => ({ softTags: ['_N_T_/layout', `_N_T_${path}`], tags: ['prices'] });
    await render(0, 'fetch', FETCHED, on('/a'), { tags: ['prices'] });
    expect((await found(1, 'fetch', on('/b'))).value).toEqual(FETCHED);
    await request(0).revalidateTag('_N_T_/b');
    expect(await request(1).get('fetch', on('/b'))).toBeNull();
    await found(1, 'fetch', on('/a'));
    await render(0, 'fetch', FETCHED, on('/b'), { tags: ['prices'] });
    await found(1, 'fetch', on('/a'));
    await request(1).revalidateTag('prices');
    expect(await request(0).get('fetch', on('/a'))).toBeNull();
  });

  it('keep the pages of two builds apart, and revalidate those of both', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'syncline-next-'));
    const contexts = await Promise.all(
      ['old', 'new'].map(async (build) => {
        const serverDistDir = join(folder, build, 'server');
        await mkdir(serverDistDir, { recursive: true });
        await writeFile(join(folder, build, 'BUILD_ID'), build);
        return { serverDistDir };
      }),
    );
    const get = (build: 0 | 1) => request(build, contexts[build]).get('/built');
    await eventually(async () => {
      const handler = request(0, contexts[0]);
      if ((await handler.get('/built')) === null) await handler.set('/built', PAGE);
      expect(await get(0)).not.toBeNull();
    });
    expect(await get(1)).toBeNull();
    await request(1, contexts[1]).revalidateTag('posts');
    expect(await get(0)).toBeNull();
    await rm(folder, { recursive: true });
  });

  it("keep results of 'use cache', unless they were begun before a revalidation", async () => {
    const [one, two] = [componentCacheHandler(optionsOf('a')), componentCacheHandler(optionsOf('b'))];
    const compute = () => {
      const timestamp = performance.timeOrigin + performance.now();
      const result = { tags: ['lists'], stale: 30, expire: 600, revalidate: 60, timestamp };
      return { ...result, value: new Blob(['[1]']).stream() as ReadableStream<Uint8Array> };
    };
    let computed = 0;
    /** Under a new key, by a look that waits for what is being stored. */
    const keep = (handler: ComponentCacheHandler) =>
      eventually(async () => {
        computed += 1;
        const key = `list-${computed}`;
        await handler.refreshTags();
        let end = (_: ComponentCacheEntry) => {};
        const storing = handler.set(key, new Promise<ComponentCacheEntry>((resolve) => (end = resolve)));
        const looking = handler.get(key, []);
        // By then a look that does not wait has ended.
        for (let looks = 0; looks < 3; looks += 1) await handler.get(`${key}-${looks}`, []);
        end(compute());
        await storing;
        expect(await textOf((await looking)?.value ?? Readable.from([]))).toBe('[1]');
        return key;
      });
    const foundBy = (handler: ComponentCacheHandler, key: string, softTags: string[] = []) =>
      eventually(async () => {
        const value = await handler.get(key, softTags);
        expect(value).toBeDefined();
        return value as ComponentCacheEntry;
      });
    const list = await keep(one);
    const { value, ...rest } = await foundBy(two, list, ['_N_T_/lists']);
    expect(rest).toMatchObject({ tags: ['lists'], stale: 30, expire: 600, revalidate: 60 });
    expect(await textOf(value)).toBe('[1]');
    await one.updateTags(['_N_T_/lists']);
    expect(await two.get(list, ['_N_T_/lists'])).toBeUndefined();
    await foundBy(two, list);
    const begun = compute();
    await two.updateTags(['lists']);
    await one.refreshTags();
    await one.set(list, Promise.resolve(begun));
    expect(await one.get(list, [])).toBeUndefined();
    await foundBy(two, await keep(one));
    expect(await one.getExpiration([])).toBe(Infinity);
  });

  it('render while Redis is away, say so once, and fail to revalidate', async () => {
    const said: string[] = [];
    // jest's `process` has no events.
    const { emitWarning } = process;
    process.emitWarning = (message: string | Error) => void said.push(String(message));
    await render(0, '/away', PAGE);
    await deployment.redis.kill();
    const handler = request(0);
    for (let reads = 0; reads < 200; reads += 1) expect(await handler.get(`/away/${reads}`)).toBeNull();
    await handler.set('/away', PAGE);
    await expect(request(0).revalidateTag('posts')).rejects.toThrow();
    process.emitWarning = emitWarning;
    expect(said.filter((message) => message.startsWith('Next renders'))).toHaveLength(1);
    await deployment.redis.restart();
    await render(0, '/away', PAGE);
    await found(1, '/away');
  });
});

it('cache handlers of Next keep nothing while it builds, and need no Redis', async () => {
  process.env.NEXT_PHASE = 'phase-production-build';
  const options = { syncline: { redis: 'redis://127.0.0.1:1' } };
  const [Handler, components] = [cacheHandler(options), componentCacheHandler(options)];
  delete process.env.NEXT_PHASE;
  const handler = new Handler({});
  expect(await handler.get('/a')).toBeNull();
  await handler.set('/a', PAGE);
  expect(await components.get('a', [])).toBeUndefined();
  await expect(expireTags('posts')).rejects.toThrow('No cache handler');
});

it('cache handlers of Next say once that the cache is out of reach, and ask it once a second', async () => {
  const said: unknown[] = [];
  const { emitWarning } = process;
  process.emitWarning = (message: string | Error) => void said.push(message);
  const cache = new SharedCache({ syncline: { cache: ['http://127.0.0.1:1'] } });
  let asked = 0;
  let calls = 0;
  await eventually(async () => {
    calls += 1;
    await cache.attempt(async () => {
      asked += 1;
      throw new Error('away');
    });
    expect(asked).toBe(3);
  });
  process.emitWarning = emitWarning;
  expect(calls).toBeGreaterThan(3);
  expect(said).toHaveLength(1);
  await cache.close();
});
