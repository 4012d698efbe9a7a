import { Redis } from 'ioredis';
import { benchmark, type Contestant } from '../harness/index.js';

const VALUE = 'x'.repeat(200);
const KEYS = 64;

const node = (name: string, nearCacheBytes: number): Contestant => ({
  name,
  start: async (stage) => {
    const [url = ''] = await stage.nodes('cache', 1);
    const entry = (i: number) => `${url}/v1/caches/bench/entries/k${i % KEYS}`;
    await fetch(`${url}/v1/caches/bench`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ nearCacheBytes }),
    });
    for (let i = 0; i < KEYS; i += 1) await fetch(entry(i), { method: 'PUT', body: VALUE });
    let reads = 0;
    return {
      operation: async () => {
        reads += 1;
        const response = await fetch(entry(reads));
        if (!response.ok) throw new Error(`A read was answered ${response.status}`);
        await response.arrayBuffer();
        return 1;
      },
    };
  },
});

const redis: Contestant = {
  name: 'GET by hand, no service',
  start: async (stage) => {
    const client = new Redis((await stage.redis()).url, { enableAutoPipelining: true });
    for (let i = 0; i < KEYS; i += 1) await client.set(`k${i}`, VALUE);
    let reads = 0;
    return {
      operation: async () => {
        reads += 1;
        await client.getBuffer(`k${reads % KEYS}`);
        return 1;
      },
      stop: async () => client.disconnect(),
    };
  },
};

export default benchmark({
  question: 'How many reads a second does one node answer, from its near cache and from Redis?',
  unit: 'reads/s',
  loads: [1, 16, 64],
  contestants: [node('near hits', 67_108_864), node('reads of Redis', 0), redis],
  caveats: [
    'A read through a node is an HTTP request; the load generator (fetch) costs more than the node that answers.',
    'Redis commands per near hit are those of renewals, heartbeats and one audit a second.',
    'GET by hand has no HTTP, no versions and no coherence.',
  ],
});
