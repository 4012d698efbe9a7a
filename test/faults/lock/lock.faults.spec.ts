import { FaultCluster } from '../core/fault-cluster.js';
import { describeFaults } from '../core/suite.js';
import { scenarios } from './scenarios.js';
import { play } from './stage.js';
import { lockFaults } from './suite.js';

describeFaults(lockFaults);

describe('the scenarios of the mutants', () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await FaultCluster.start('lock', { dist: 'dist', nodes: 2 });
  });
  afterEach(() => cluster.mend());
  afterAll(() => cluster?.stop());

  it.each(Object.entries(scenarios))('find nothing wrong with the product: %s', async (_name, scenario) => {
    expect((await play(scenario, cluster, 1)).violations).toEqual([]);
  });
});
