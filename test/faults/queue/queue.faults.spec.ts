import { FaultCluster } from '../core/fault-cluster.js';
import { describeFaults } from '../core/suite.js';
import * as byId from './by-id-scenarios.js';
import * as chains from './chain-scenarios.js';
import * as deduplication from './deduplication-scenarios.js';
import * as limits from './limit-scenarios.js';
import * as recovery from './recovery-scenarios.js';
import * as results from './result-scenarios.js';
import * as scenarios from './scenarios.js';
import * as scheduled from './schedule-scenarios.js';
import { queueFaults } from './suite.js';

describeFaults(queueFaults);

describe('the scenarios of the mutants', () => {
  let cluster: FaultCluster;

  beforeAll(async () => {
    cluster = await FaultCluster.start('queue', { nodes: 2, dist: 'dist' });
  });
  afterAll(() => cluster.stop());

  it.each(
    Object.entries({
      ...scenarios,
      ...byId,
      ...results,
      ...recovery,
      ...scheduled,
      ...deduplication,
      ...limits,
      ...chains,
    }),
  )('find nothing wrong with the product: %s', async (name, { on }) => {
    expect(await on(cluster, name)).toEqual([]);
  });
});
