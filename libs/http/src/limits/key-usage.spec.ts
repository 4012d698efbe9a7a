import { Usage } from './key-usage.js';

const LIMITED = expect.objectContaining({ code: 'rate-limited', status: 429 });

describe('the quotas of a key', () => {
  it('allow so many requests a second, and as many again a second later', () => {
    let now = 0;
    const usage = new Usage('a', '', { requestsPerSecond: 10 }, undefined, () => now);
    for (const _second of [1, 2]) {
      for (let i = 0; i < 10; i++) usage.countRequest();
      expect(() => usage.countRequest()).toThrow(LIMITED);
      now += 1_000;
    }
    now += 60_000;
    for (let i = 0; i < 10; i++) usage.countRequest();
    expect(() => usage.countRequest()).toThrow(LIMITED);
    now += 100;
    usage.countRequest();
    expect(usage.requests).toBe(34);
  });

  it('allow so many that stay, and others when they have ended', () => {
    const usage = new Usage('a', '', { callStreams: 1, waitingRequests: 2 });
    const giveBack = usage.hold('callStreams');
    expect(() => usage.hold('callStreams')).toThrow(LIMITED);
    usage.hold('waitingRequests');
    usage.hold('waitingRequests');
    expect(() => usage.hold('waitingRequests')).toThrow(LIMITED);
    giveBack();
    usage.hold('callStreams');
  });

  it('count together for the keys of a tenant, beside their own', () => {
    const tenant = new Usage(null, 'acme', { requestsPerSecond: 3, callStreams: 2 }, undefined, () => 0);
    const one = new Usage('one', 'acme', { callStreams: 1 }, tenant, () => 0);
    const two = new Usage('two', 'acme', {}, tenant, () => 0);
    for (const usage of [one, two, one]) usage.countRequest();
    expect(() => two.countRequest()).toThrow('The tenant acme may have 3 requests a second');
    const giveBack = one.hold('callStreams');
    expect(() => one.hold('callStreams')).toThrow('The API key one may have 1 call streams');
    two.hold('callStreams');
    expect(() => two.hold('callStreams')).toThrow('The tenant acme may have 2 call streams');
    giveBack();
    two.hold('callStreams');
  });

  it('that are not given bound nothing', () => {
    const usage = new Usage('a', '', {});
    for (let i = 0; i < 10_000; i++) {
      usage.countRequest();
      usage.hold('waitingRequests');
    }
  });
});
