import { FaultCluster } from '../core/fault-cluster.js';
import { describeFaults } from '../core/suite.js';
import { scenarios } from './scenarios.js';
import { play } from './stage.js';
import { lockSuite } from './suite.js';

describeFaults(lockSuite);

describe('the stories by which broken rules are noticed', () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await FaultCluster.start('lock', { dist: 'dist', nodes: 2 });
  });
  afterEach(() => cluster.mend());
  afterAll(() => cluster?.stop());

  it.each(Object.entries(scenarios))('end well where nothing is broken: %s', async (_name, scenario) => {
    expect((await play(scenario, cluster, 1)).violations).toEqual([]);
  });
});
