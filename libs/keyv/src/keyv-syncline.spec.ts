import { CACHE_MANAGER, type Cache as CacheManager, CacheModule } from '@nestjs/cache-manager';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CacheClient, SynclineError, text } from '@syncline/client';
import {
  answeredBy,
  eventually,
  type NodeProcess,
  RedisServer,
  startNodes,
  stopAll,
} from '@syncline/testing';
import { Keyv, type KeyvOptions } from 'keyv';
import { Deployment } from '../../../test/stages/deployment.js';
import { KeyvSyncline } from './index.js';

let redis: RedisServer;
let nodes: NodeProcess[] = [];
let caches: CacheClient;
/** A second client, as another process has. */
let others: CacheClient;

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('cache', 2, { redisUrl: redis.url });
  const urls = nodes.map(({ url }) => url);
  caches = new CacheClient({ urls });
  others = new CacheClient({ urls: urls.toReversed() });
});
afterAll(async () => {
  await caches?.close();
  await others?.close();
  await stopAll(nodes);
  await redis?.stop();
});

const keyvOf = (name: string, options: KeyvOptions = {}, client = caches) =>
  new Keyv({ store: new KeyvSyncline(client, name), ...options });

describe('KeyvSyncline', () => {
  it('stores, reads, finds and deletes values', async () => {
    const keyv = keyvOf('values');
    expect(await keyv.get('a')).toBeUndefined();
    expect(await keyv.set('a', { name: 'Ada', tags: [1, null] })).toBe(true);
    expect(await keyvOf('values', {}, others).get('a')).toEqual({ name: 'Ada', tags: [1, null] });
    expect([await keyv.has('a'), await keyv.has('b')]).toEqual([true, false]);
    expect([await keyv.delete('a'), await keyv.delete('a')]).toEqual([true, false]);
    expect(await keyv.get('a')).toBeUndefined();
  });

  it('stores, reads and deletes many values at once', async () => {
    const keyv = keyvOf('many', { namespace: 'n' });
    const entries = Array.from({ length: 300 }, (_, i) => ({ key: `k${i}`, value: i }));
    const keys = entries.map(({ key }) => key);
    const before = await answeredBy(nodes, /mset/);
    expect(await keyv.setMany(entries)).toEqual(entries.map(() => true));
    expect((await answeredBy(nodes, /mset/)) - before).toBeLessThanOrEqual(nodes.length);
    expect(await keyv.getMany(['none', ...keys])).toEqual([undefined, ...entries.map(({ value }) => value)]);
    expect(await keyv.hasMany(['k1', 'none'])).toEqual([true, false]);
    expect(await keyv.deleteMany(keys)).toBe(true);
    expect(await keyv.getMany(keys)).toEqual(entries.map(() => undefined));
  });

  it('gives entries a TTL in the cache itself', async () => {
    const keyv = keyvOf('ttl', { ttl: 60_000 });
    await keyv.set('brief', 1, 200.5);
    await keyv.set('long', 1);
    await keyv.set('for ever', 1, 1e15);
    const raw = caches.cache('ttl', { codec: text });
    await eventually(async () => expect(await raw.get('keyv:brief')).toBeUndefined());
    expect(await raw.get('keyv:long')).toMatch(/^\{"value":1,/);
    expect(await keyv.getMany(['brief', 'long', 'for ever'])).toEqual([undefined, 1, 1]);
  });

  it('clears only its namespace, or the whole cache without one', async () => {
    const [one, two, all] = [
      keyvOf('spaces', { namespace: 'one' }),
      keyvOf('spaces', { namespace: 'two' }),
      keyvOf('spaces', { namespace: '' }),
    ];
    for (const keyv of [one, two, all]) await keyv.set('a', 1);
    await one.clear();
    expect([await one.get('a'), await two.get('a'), await all.get('a')]).toEqual([undefined, 1, 1]);
    await all.clear();
    expect([await two.get('a'), await all.get('a')]).toEqual([undefined, undefined]);
  });

  it('accepts any key', async () => {
    const keyv = keyvOf('keys', { namespace: 'n' });
    const keys = ['', 'a b/ü:?%', '\ud800', 'x'.repeat(5_000), '.', '..', '__proto__'];
    await Promise.all(keys.map((key, i) => keyv.set(key, i)));
    expect(await Promise.all(keys.map((key) => keyv.get(key)))).toEqual(keys.map((_, i) => i));
    const bare = keyvOf('bare', { namespace: '' });
    await bare.set('a', 1);
    expect(await bare.set('..', 2)).toBe(true);
    expect([await bare.get('..'), await bare.delete('..'), await bare.get('a')]).toEqual([2, true, 1]);
    await keyv.clear();
    expect(await keyv.getMany(keys)).toEqual(keys.map(() => undefined));
  });

  it('emits one error event for each failure, and throws with throwOnErrors', async () => {
    const away = new CacheClient({ urls: ['http://127.0.0.1:1'], timeoutMs: 100 });
    const keyv = keyvOf('away', {}, away);
    const errors: unknown[] = [];
    keyv.on('error', (error) => errors.push(error));
    const outcomes = [
      await keyv.get('a'),
      await keyv.getMany(['a', 'b']),
      await keyv.has('a'),
      await keyv.set('a', 1),
      await keyv.delete('a'),
      await keyv.clear(),
    ];
    expect(outcomes).toEqual([undefined, [undefined, undefined], false, false, false, undefined]);
    expect(errors).toEqual(Array(6).fill(expect.any(SynclineError)));
    const strict = keyvOf('away', { throwOnErrors: true }, away);
    await expect(strict.get('a')).rejects.toBeInstanceOf(SynclineError);
    await expect(strict.set('a', 1)).rejects.toBeInstanceOf(SynclineError);
    await away.close();
  });
});

describe("Nest's cache manager on KeyvSyncline", () => {
  it('stores its entries in the cache', async () => {
    @Module({
      imports: [
        CacheModule.registerAsync({
          useFactory: () => ({ stores: new KeyvSyncline(caches, 'nest'), namespace: 'app', ttl: 60_000 }),
        }),
      ],
    })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: false });
    const manager = app.get<CacheManager>(CACHE_MANAGER);
    const seen = keyvOf('nest', { namespace: 'app' }, others);

    await manager.set('a', { n: 1 }, 30_000);
    expect(await seen.get('a')).toEqual({ n: 1 });
    expect(await manager.get('a')).toEqual({ n: 1 });
    expect((await manager.ttl('a')) ?? 0).toBeGreaterThan(Date.now());
    await manager.del('a');
    expect(await manager.get('a')).toBeUndefined();

    let made = 0;
    const wrapped = () => manager.wrap('w', async () => ++made, 10_000);
    expect([await wrapped(), await wrapped()]).toEqual([1, 1]);
    expect(await seen.get('w')).toBe(1);
    await manager.mset([
      { key: 'b', value: 2 },
      { key: 'c', value: 3 },
    ]);
    expect(await manager.mget(['b', 'none', 'c'])).toEqual([2, undefined, 3]);
    await manager.clear();
    expect(await manager.mget(['w', 'b', 'c'])).toEqual([undefined, undefined, undefined]);

    await app.close();
    // The application does not own the client, so it is still open.
    await expect(keyvOf('nest').set('d', 4)).resolves.toBe(true);
  });
});

it('KeyvSyncline works on an engine in this process', async () => {
  const deployment = await Deployment.start('embedded', 'cache');
  const store = new Keyv({
    store: new KeyvSyncline(await deployment.connect(), 'keyv'),
    namespace: 'app',
  });
  await store.set('k', { n: 1 }, 60_000);
  expect(await store.getMany(['k', 'none'])).toEqual([{ n: 1 }, undefined]);
  expect(await store.delete('k')).toBe(true);
  await store.set('l', 2);
  await store.clear();
  expect(await store.get('l')).toBeUndefined();
  await deployment.stop();
});
