import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { benchmark, type Contestant, Latencies } from '../harness/index.js';

/** The built one: it has decorators, which are not compiled here. */
const BUILT = '../../dist/apps/queue/libs/http/src/access/api-keys.js';
const built: { readonly ApiKeys: new (config: object, tenants: object) => ApiKeys } = await import(BUILT);

interface ApiKeys {
  callerOf(request: { readonly headers: { readonly authorization: string }; readonly socket: object }): {
    mayToSome(action: string): boolean;
    require(action: string, names: readonly string[]): void;
  };
}

/** Calls between two looks at the clock. */
const STEP = 1_000;
const secretOf = (i: number) => `${i}-0123456789abcdef0123456789abcdef`;
const hashOf = (secret: string) => `sha256:${createHash('sha256').update(secret).digest('hex')}`;

/** None of the keys has one. */
const NO_TENANTS = { replace: () => {} };
const socket = {};

/** As many keys, each with `names` names. */
function keysOf(count: number, names: number): ApiKeys {
  const keys = Array.from({ length: count }, (_, i) => ({
    name: `key-${i}`,
    secrets: [{ hash: hashOf(secretOf(i)) }],
    grants: [
      {
        role: 'queue' as const,
        actions: ['produce' as const, 'consume' as const],
        names: Array.from({ length: names }, (_, j) => `team-${i}:queue-${j}:*`),
      },
    ],
  }));
  const config = {
    role: 'queue',
    requiresKeys: true,
    apiKeys: [],
    apiKeysFile: { path: '', text: '', keys, tenants: [] },
  };
  return new built.ApiKeys(config, NO_TENANTS);
}

/** What each call pays for its key. */
const contestant = (
  name: string,
  names: number,
  judge: (keys: ApiKeys, headers: { authorization: string }, queue: string) => void,
): Contestant => ({
  name,
  start: async () => ({
    measure: async (count, seconds) => {
      const keys = keysOf(count, names);
      const callers = Array.from({ length: count }, (_, i) => ({
        headers: { authorization: `Bearer ${secretOf(i)}` },
        queue: `team-${i}:queue-${names - 1}:orders`,
      }));
      const latencies = new Latencies();
      let operations = 0;
      const startedAt = performance.now();
      const end = startedAt + seconds * 1_000;
      while (performance.now() < end) {
        const at = performance.now();
        for (let n = 0; n < STEP; n++) {
          const { headers, queue } = callers[(operations + n) % count] as (typeof callers)[number];
          judge(keys, headers, queue);
        }
        operations += STEP;
        latencies.record((performance.now() - at) / STEP);
      }
      const elapsedMs = performance.now() - startedAt;
      const figures = { 'us a call': (elapsedMs / operations) * 1_000 };
      return { operations, seconds: elapsedMs / 1_000, latencies, figures };
    },
  }),
});

/** What the guard does: one action, of a grant and on the name in the path. */
const judgeName = (keys: ApiKeys, headers: { authorization: string }, queue: string) => {
  const caller = keys.callerOf({ headers, socket });
  if (!caller.mayToSome('produce')) throw new Error('The key has no grant.');
  caller.require('produce', [queue]);
};

export default benchmark({
  question: 'What does a call pay for its API key, and for the judgement of its action and name?',
  unit: 'calls/s',
  loads: [1, 1_000, 10_000],
  loadUnit: 'keys',
  rounds: 3,
  seconds: 1,
  contestants: [
    contestant('the key alone', 1, (keys, headers) => keys.callerOf({ headers, socket })),
    contestant('key and grants, 1 name', 1, judgeName),
    contestant('key and grants, 128 names', 128, judgeName),
  ],
  caveats: [
    'In one process, without HTTP: the hash of the secret, the look-up, and the judgement of one name.',
  ],
});
