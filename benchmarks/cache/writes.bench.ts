import { Redis } from 'ioredis';
import { request } from 'undici';
import { benchmark, type Contestant, closedLoop, Latencies } from '../harness/index.js';

const VALUE = 'x'.repeat(200);

/** @param readers further nodes that hold each key when it is written */
const node = (name: string, readers: number): Contestant => ({
  name,
  start: async (stage) => {
    const [writer = '', ...others] = await stage.nodes('cache', 3);
    const entry = (url: string, worker: number) => `${url}/v1/caches/bench/entries/k${worker}`;
    return {
      measure: async (load, seconds) => {
        const writes = new Latencies();
        const measured = await closedLoop(load, seconds, async (worker) => {
          for (const url of others.slice(0, readers)) await (await request(entry(url, worker))).body.dump();
          const startedAt = performance.now();
          const { statusCode, body } = await request(entry(writer, worker), { method: 'PUT', body: VALUE });
          await body.dump();
          writes.record(performance.now() - startedAt);
          if (statusCode >= 300) throw new Error(`A write was answered ${statusCode}`);
          return 1;
        });
        return { ...measured, latencies: writes };
      },
    };
  },
});

const redis: Contestant = {
  name: 'SET by hand, no service',
  start: async (stage) => {
    const client = new Redis((await stage.redis()).url, { enableAutoPipelining: true });
    return {
      operation: async (worker) => {
        await client.set(`k${worker}`, VALUE);
        return 1;
      },
      stop: async () => client.disconnect(),
    };
  },
};

export default benchmark({
  question: 'How long does a write take when no, one or two other nodes hold the key?',
  unit: 'cycles/s',
  loads: [1, 16],
  rounds: 3,
  contestants: [
    redis,
    node('nobody else holds it', 0),
    node('one other node holds it', 1),
    node('two other nodes hold it', 2),
  ],
  caveats: [
    'Latencies are those of the writes alone. A cycle also reads the key through the nodes that are to hold it.',
    'A write through a node is an HTTP request; SET by hand is not.',
  ],
});
