import { eventually } from '@syncline/testing';
import { Clock } from '../clock.js';
import { LeaseLostError, StoreUnavailableError } from '../errors.js';
import { Term } from './term.js';

/** A term, of one minute: the test answers its renewals and lets the machine sleep. */
function aTerm(ttlMs = 60_000) {
  let asleepMs = 0;
  const clock = new Clock(
    () => performance.now(),
    () => performance.now() + asleepMs,
  );
  const renewals: { answer: () => void; refuse: (error: Error) => void; leftMs: number }[] = [];
  const term = new Term({
    what: 'lock a',
    ttlMs,
    since: clock.now(),
    clock,
    renew: ({ timeoutMs: leftMs }) => {
      const sentAt = clock.now();
      return new Promise((resolve, reject) =>
        renewals.push({ answer: () => resolve({ sentAt }), refuse: reject, leftMs }),
      );
    },
  });
  const sleep = (ms: number) => {
    asleepMs += ms;
    term.wake();
  };
  return { term, renewals, sleep };
}

describe('Term', () => {
  it('is uncertain after possible sleep, until a renewal confirms it', async () => {
    const { term, renewals, sleep } = aTerm();
    expect(term.remainingMs).toBeGreaterThan(50_000);
    sleep(3_600_000);
    expect(term.remainingMs).toBe(0);
    expect(renewals).toHaveLength(1);
    renewals[0]?.answer();
    // Only the wall clock was set: the lease is still held, and no loss was reported.
    await eventually(() => expect(term.remainingMs).toBeGreaterThan(50_000));
    expect(term.signal.aborted).toBe(false);
    term.end();
  });

  it('is lost when it ended during sleep', async () => {
    const { term, renewals, sleep } = aTerm();
    sleep(3_600_000);
    renewals[0]?.refuse(LeaseLostError.local('it is over'));
    await eventually(() => expect(term.signal.aborted).toBe(true));
    expect(term.loss?.detail).toBe('it is over');
  });

  it('is lost after sleep when no renewal is answered', async () => {
    const { term, renewals, sleep } = aTerm();
    sleep(3_600_000);
    // The renewal has a short timeout, not the time that was left before the sleep.
    expect(renewals[0]?.leftMs).toBeLessThanOrEqual(2_000);
    renewals[0]?.refuse(new StoreUnavailableError({ code: 'store-unavailable', status: 503, detail: 'no' }));
    await eventually(() => expect(term.loss).toBeInstanceOf(LeaseLostError));
  });

  it('continues after a sleep shorter than the TTL, and is renewed at once', async () => {
    const { term, renewals, sleep } = aTerm();
    sleep(40_000);
    expect(term.remainingMs).toBeGreaterThan(0);
    expect(term.remainingMs).toBeLessThan(20_000);
    expect(renewals).toHaveLength(1);
    renewals[0]?.refuse(new StoreUnavailableError({ code: 'store-unavailable', status: 503, detail: 'no' }));
    // One failure does not lose it: there is time for another try.
    await eventually(() => expect(renewals).toHaveLength(2));
    renewals[1]?.answer();
    await eventually(() => expect(term.remainingMs).toBeGreaterThan(50_000));
    expect(term.loss).toBeUndefined();
    term.end();
  });

  it('counts sleep during a renewal, so that its answer confirms nothing', async () => {
    const { term, renewals, sleep } = aTerm();
    term.wake();
    sleep(3_600_000);
    renewals[0]?.answer();
    await eventually(() => expect(renewals).toHaveLength(2));
    expect(term.remainingMs).toBe(0);
    renewals[1]?.refuse(LeaseLostError.local('it is over'));
    await eventually(() => expect(term.loss).toBeDefined());
  });

  it('is lost when no renewal is ever answered', async () => {
    const { term, renewals } = aTerm(150);
    await eventually(() => expect(term.signal.aborted).toBe(true));
    expect(renewals.length).toBeGreaterThan(0);
  });

  it('is lost before anything else runs after the event loop was blocked', async () => {
    const { term } = aTerm(100);
    for (const until = performance.now() + 150; performance.now() < until; );
    // Its timer is behind all that were due before.
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(term.signal.aborted).toBe(true);
  });
});
