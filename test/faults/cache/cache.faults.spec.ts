import { FaultCluster } from '../core/fault-cluster.js';
import { describeFaults } from '../core/suite.js';
import { checkVersions, findNoOrder, stepsOf } from './checks.js';
import type { Call } from './model.js';
import { SCENARIOS } from './scenarios.js';
import { play } from './stage.js';
import { cacheFaults } from './suite.js';

describe('the checks of the cache', () => {
  let clock = 0;
  const call = (
    kind: string,
    value: string | null,
    version: string | null,
    part: Partial<Call> = {},
  ): Call => {
    clock += 10;
    return {
      client: 0,
      kind,
      input: { key: 'k', ...(value !== null && { value }) },
      invokedAt: clock,
      respondedAt: clock + 5,
      outcome: 'ok',
      output: { value, version },
      ...part,
    };
  };

  it('accept what a register does', () => {
    const calls = [
      call('put', 'x', '1'),
      call('get', 'x', '1'),
      call('delete', null, null),
      call('get', null, null),
      call('put', 'y', null, { outcome: 'unknown', respondedAt: Number.POSITIVE_INFINITY }),
      call('get', null, null),
      call('get', 'y', '3'),
    ];
    expect(checkVersions(calls)).toEqual([]);
    expect(findNoOrder(stepsOf(calls))).toBeNull();
  });

  it.each([
    ['an old value after a new one', ['put x 1', 'put y 2', 'get x 1']],
    ['a value after its delete', ['put x 1', 'delete - -', 'get x 1']],
    ['nothing although nobody deleted', ['put x 1', 'get - -']],
    ['a value that nobody wrote', ['put x 1', 'get z 7']],
  ])('refuse %s', (_what, lines) => {
    const calls = lines.map((line) => {
      const [kind = '', value = '', version = ''] = line.split(' ');
      return call(kind, value === '-' ? null : value, version === '-' ? null : version);
    });
    expect(findNoOrder(stepsOf(calls))).not.toBeNull();
  });

  it('refuse a version that is older than one known before', () => {
    expect(checkVersions([call('put', 'x', '1'), call('put', 'y', '2'), call('get', 'x', '1')])).toHaveLength(
      1,
    );
  });
});

describeFaults(cacheFaults);

describe('the cache, where only one thing goes wrong', () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await FaultCluster.start('cache', { dist: 'dist' });
  });
  afterAll(() => cluster?.stop());

  it.each(Object.entries(SCENARIOS))('keeps every rule: %s', async (_name, scenario) => {
    expect((await play(scenario, cluster, 1)).violations).toEqual([]);
  });
});
