import { eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import type { Redis } from 'ioredis';

const CACHES = 300;
const NODES = 2;
const RENEWAL_MS = 300;

describe('caches that nobody asks for', () => {
  let redis: RedisServer;
  let client: Redis;
  let nodes: NodeProcess[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
    client = redis.connect();
    nodes = await startNodes('cache', NODES, { redisUrl: redis.url });
  });
  afterAll(async () => {
    client?.disconnect();
    await stopAll(nodes);
    await redis?.stop();
  });

  const at = (i: number, cache: number) => `${nodes[i]?.url}/v1/caches/c${cache}/entries/k`;
  const read = async (i: number, cache: number) => {
    const response = await fetch(at(i, cache));
    return { text: await response.text(), source: response.headers.get('x-cache') };
  };
  const calls = async (command: string) => {
    const stats = await client.info('commandstats');
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  };
  /** What Redis is asked while `act` goes on, and how long that takes. Only a renewal reads a list. */
  const during = async (act: () => Promise<unknown>) => {
    const [renewals, functions, from] = [await calls('lrange'), await calls('fcall'), performance.now()];
    await act();
    const ms = performance.now() - from;
    return {
      renewals: (await calls('lrange')) - renewals,
      functions: (await calls('fcall')) - functions,
      ms,
    };
  };

  it(`cost nothing: Redis hears no more of ${CACHES} of them than of none`, async () => {
    for (let c = 0; c < CACHES; c += 1) {
      expect((await fetch(at(0, c), { method: 'PUT', body: `${c}` })).status).toBe(201);
    }
    // While they are in use one renewal a node serves them all.
    const used = await during(async () => {
      for (let c = 0; c < CACHES; c += 1) for (const i of [0, 1]) await read(i, c);
    });
    expect(used.renewals).toBeLessThanOrEqual(NODES * (used.ms / RENEWAL_MS + 5));

    const unused = await eventually(async () => {
      const seen = await during(() => new Promise((resolve) => setTimeout(resolve, 2_000)));
      expect(seen.renewals).toBe(0);
      return seen;
    }, 60_000);
    // Beats and a look at what is to be swept.
    expect(unused.functions).toBeLessThanOrEqual(NODES * ((4 * unused.ms) / 1_000 + 5));

    await fetch(at(1, 7), { method: 'PUT', body: 'new' });
    expect((await read(0, 7)).text).toBe('new');
    await read(0, 8);
    await eventually(async () => expect(await read(0, 8)).toEqual({ text: '8', source: 'near' }));
  }, 90_000);
});
