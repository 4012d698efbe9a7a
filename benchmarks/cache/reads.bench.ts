import { CacheClient } from '@syncline/client';
import { Redis } from 'ioredis';
import memjs from 'memjs';
import { request } from 'undici';
import { benchmark, type Contestant } from '../harness/index.js';

const VALUE = 'x'.repeat(200);
const KEYS = 64;
const key = (i: number) => `k${i % KEYS}`;

/** As a user has it: our client. What it reads in one turn travels in one request. */
const syncline = (nodes: number, nearCacheBytes: number): Contestant => ({
  name: `Syncline, ${nodes} node${nodes > 1 ? 's' : ''}, ${nearCacheBytes > 0 ? 'near hits' : 'reads of Redis'}`,
  start: async (stage) => {
    const client = new CacheClient({ urls: await stage.nodes('cache', nodes) });
    const cache = client.cache<string>('bench');
    await cache.configure({ nearCacheBytes });
    for (let i = 0; i < KEYS; i += 1) await cache.set(key(i), VALUE);
    let reads = 0;
    return {
      operation: async () => {
        reads += 1;
        if ((await cache.get(key(reads))) === null) throw new Error('A read found nothing.');
        return 1;
      },
      stop: () => client.close(),
    };
  },
});

/** Without our client: each read is a request of its own, at the node that has its key in memory. */
const singleRequests: Contestant = {
  name: 'Syncline, 3 nodes, near hits by single requests',
  start: async (stage) => {
    const urls = await stage.nodes('cache', 3);
    const entry = (i: number) => `${urls[(i % KEYS) % urls.length]}/v1/caches/bench/entries/${key(i)}`;
    for (let i = 0; i < KEYS; i += 1) await request(entry(i), { method: 'PUT', body: VALUE });
    let reads = 0;
    return {
      operation: async () => {
        reads += 1;
        const { statusCode, body } = await request(entry(reads));
        if (statusCode !== 200) throw new Error(`A read was answered ${statusCode}`);
        await body.bytes();
        return 1;
      },
    };
  },
};

const redis: Contestant = {
  name: 'Redis GET',
  start: async (stage) => {
    const client = new Redis((await stage.redis()).url, { enableAutoPipelining: true });
    for (let i = 0; i < KEYS; i += 1) await client.set(key(i), VALUE);
    let reads = 0;
    return {
      operation: async () => {
        reads += 1;
        await client.getBuffer(key(reads));
        return 1;
      },
      stop: async () => client.disconnect(),
    };
  },
};

const memcached: Contestant = {
  name: 'memcached, memjs',
  start: async (stage) => {
    const { address } = await stage.service('memcached');
    const client = memjs.Client.create(address);
    for (let i = 0; i < KEYS; i += 1) await client.set(key(i), VALUE, {});
    let reads = 0;
    return {
      operation: async () => {
        reads += 1;
        const { value } = await client.get(key(reads));
        if (value === null) throw new Error('A read found nothing.');
        return 1;
      },
      stop: async () => client.close(),
    };
  },
};

const NEAR_CACHE_BYTES = 67_108_864;

export default benchmark({
  question: 'How many reads of 200 bytes a second, from the near caches and from what is behind them?',
  unit: 'reads/s',
  loads: [1, 16, 64],
  rounds: 3,
  contestants: [
    syncline(3, NEAR_CACHE_BYTES),
    syncline(1, NEAR_CACHE_BYTES),
    syncline(3, 0),
    singleRequests,
    redis,
    memcached,
  ],
  caveats: [
    'Redis commands of a near hit are those of leases, heartbeats and one audit a second, whatever the number of reads.',
    'Redis GET and memcached have no coherent copies near the reader, no versions, no tags: what a read costs without a service.',
    'A cache in the memory of the caller itself (Bentocache, client-side caching) is not here: no request at all is faster than any; what it may serve after a write is the question of cache/staleness.',
  ],
});
