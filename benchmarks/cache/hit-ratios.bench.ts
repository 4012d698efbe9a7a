import { S3Fifo } from '../../libs/caches/src/near-cache/s3-fifo.js';
import { benchmark, type Contestant, Latencies } from '../harness/index.js';

/** What a policy must do: tell whether the key is there, and keep it when it is not. */
type Policy = (key: string) => boolean;

const lru = (capacity: number): Policy => {
  const keys = new Set<string>();
  return (key) => {
    const hit = keys.delete(key);
    keys.add(key);
    if (keys.size > capacity) for (const oldest of keys) return keys.delete(oldest) && hit;
    return hit;
  };
};
const s3Fifo = (capacity: number): Policy => {
  const cache = new S3Fifo<true>(capacity, () => {});
  return (key) => {
    if (cache.get(key)) return true;
    cache.set(key, true, 1);
    return false;
  };
};

const OBJECTS = 20_000;
const REQUESTS = 200_000;
const SEED = 20_260_131;

/** Mulberry32: a small generator with a seed, so that everybody replays the same trace. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function zipf(skew: number, next: () => number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let i = 1; i <= OBJECTS; i += 1) {
    sum += 1 / i ** skew;
    sums.push(sum);
  }
  return () => {
    const at = next() * sum;
    let [low, high] = [0, OBJECTS - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Traces by name: each yields one key a request. */
const TRACES: Readonly<Record<string, (next: () => number) => (i: number) => string>> = {
  'Zipf 0.8': (next) => {
    const pick = zipf(0.8, next);
    return () => `k${pick()}`;
  },
  'Zipf 1.0': (next) => {
    const pick = zipf(1, next);
    return () => `k${pick()}`;
  },
  'Zipf 1.0, 40 % asked once': (next) => {
    const pick = zipf(1, next);
    return (i) => (next() < 0.4 ? `once${i}` : `k${pick()}`);
  },
  'Zipf 1.0 with scans': (next) => {
    const pick = zipf(1, next);
    return (i) => (i % 20_000 < 4_000 ? `scan${i % 4_000}` : `k${pick()}`);
  },
  'Zipf 1.0 that shifts': (next) => {
    const pick = zipf(1, next);
    return (i) => `k${(pick() + Math.floor(i / 20_000) * 500) % OBJECTS}`;
  },
  'loop over twice the capacity': () => (i) => `k${i % ((OBJECTS / 10) * 2)}`,
};

const contestant = (name: string, policyOf: (capacity: number) => Policy): Contestant => ({
  name,
  start: async () => ({
    measure: async (percent) => {
      const latencies = new Latencies();
      const figures: Record<string, number> = {};
      let hits = 0;
      const startedAt = performance.now();
      for (const [trace, keysOf] of Object.entries(TRACES)) {
        const policy = policyOf((OBJECTS * percent) / 100);
        const keyOf = keysOf(random(SEED));
        let own = 0;
        for (let i = 0; i < REQUESTS; i += 1) if (policy(keyOf(i))) own += 1;
        figures[`${trace}, % hits`] = (own / REQUESTS) * 100;
        hits += own;
      }
      latencies.record(performance.now() - startedAt);
      // "Per second" of one second: the plot shows hits in a hundred requests over all traces.
      return {
        operations: (hits / (REQUESTS * Object.keys(TRACES).length)) * 100,
        seconds: 1,
        latencies,
        figures,
      };
    },
  }),
});

export default benchmark({
  question: 'How many requests in a hundred are hits, over six generated traces?',
  unit: 'hits in 100',
  loads: [1, 5, 10, 20],
  loadUnit: '% of the objects fit',
  rounds: 1,
  contestants: [contestant('S3-FIFO', s3Fifo), contestant('LRU', lru)],
  caveats: [
    'Objects of one size; 20,000 of them, 200,000 requests a trace, the same seed for both.',
    'Generated traces, not recorded ones: they show where the policies differ, not how often that happens.',
  ],
});
