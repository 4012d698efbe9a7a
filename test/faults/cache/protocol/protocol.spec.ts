import { explore } from './explore.js';
import { type Bounds, RULES, type Rule } from './state.js';

/** Bounds within which each broken rule shows, as small as they may be. */
const SMALL: Bounds = { nodes: 2, writes: 1, fills: 1, renewals: 1, time: 3 };
const BOUNDS: Partial<Record<Rule, Bounds>> = {
  'keep nothing that is being written': { ...SMALL, nodes: 3, renewals: 0, time: 0 },
  'wait for every sharer': { ...SMALL, nodes: 3, renewals: 0, time: 0 },
  'excuse the writer only for fills it gave up': { ...SMALL, renewals: 0, time: 0 },
  'forget everything when fenced': { ...SMALL, time: 3 },
  'count the lease from the sending': { ...SMALL, time: 4 },
};

describe('the coherence protocol, explored', () => {
  it.each([
    ['renewals and the passing of time', { ...SMALL, fills: 1, renewals: 1, time: 3 }],
    ['two writes and two fills a node', { ...SMALL, writes: 2, fills: 2, renewals: 0, time: 0 }],
    ['three nodes', { ...SMALL, nodes: 3, renewals: 0, time: 0 }],
  ] as const)('never lets a replaced value be served: %s', (_what, bounds) => {
    const { states, trace } = explore(bounds);
    expect(trace).toBeNull();
    expect(states).toBeGreaterThan(1_000);
  });

  it.each(RULES)('needs the rule: %s', (rule) => {
    const { trace } = explore(BOUNDS[rule] ?? SMALL, rule);
    expect(trace).not.toBeNull();
  });
});
