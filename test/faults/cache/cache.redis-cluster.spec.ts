import type { RedisCluster } from '@syncline/testing';
import { FaultCluster } from '../core/fault-cluster.js';
import { gap, noHints, ownTags, prefixes, sleeper, twoSharers } from './scenarios.js';
import { SCENARIOS_ON_CLUSTER } from './scenarios-on-cluster.js';
import { play, type Scenario } from './stage.js';

/** Those of one Redis that say most about the conversation of a shard. */
const SHARED: Readonly<Record<string, Scenario<RedisCluster>>> = {
  noHints,
  gap,
  twoSharers,
  ownTags,
  prefixes,
  sleeper,
};

describe('the cache on a Redis Cluster, where only one thing goes wrong', () => {
  let cluster: FaultCluster<RedisCluster>;
  beforeAll(async () => {
    cluster = await FaultCluster.startOnCluster('cache', { dist: 'dist' });
  });
  afterAll(() => cluster?.stop());

  it.each(Object.entries({ ...SHARED, ...SCENARIOS_ON_CLUSTER }))(
    'keeps every rule: %s',
    async (_name, scenario) => {
      expect((await play(scenario, cluster, 1)).violations).toEqual([]);
    },
  );
});
