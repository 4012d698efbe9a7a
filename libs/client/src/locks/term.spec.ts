import { eventually } from '@syncline/testing';
import { Clock } from '../clock.js';
import { LeaseLostError, StoreUnavailableError } from '../errors.js';
import { Term } from './term.js';

/** A term of a minute whose renewals a test answers, on a machine that sleeps when a test says so. */
function aTerm() {
  let asleepMs = 0;
  const clock = new Clock(
    () => performance.now(),
    () => performance.now() + asleepMs,
  );
  const renewals: { answer: () => void; refuse: (error: Error) => void; leftMs: number }[] = [];
  const term = new Term({
    what: 'lock a',
    ttlMs: 60_000,
    since: clock.now(),
    clock,
    renew: (_, leftMs) => {
      const sentAt = clock.now();
      return new Promise((resolve, reject) =>
        renewals.push({ answer: () => resolve(sentAt), refuse: reject, leftMs }),
      );
    },
  });
  const sleep = (ms: number) => {
    asleepMs += ms;
    term.wake();
  };
  return { term, renewals, sleep };
}

describe('the time of a lease', () => {
  it('is not sure after what may have been sleep, until a renewal tells', async () => {
    const { term, renewals, sleep } = aTerm();
    expect(term.remainingMs).toBeGreaterThan(50_000);
    sleep(3_600_000);
    expect(term.remainingMs).toBe(0);
    expect(renewals).toHaveLength(1);
    renewals[0]?.answer();
    // It was the clock that was set: the lease is held still, and nobody was told otherwise.
    await eventually(() => expect(term.remainingMs).toBeGreaterThan(50_000));
    expect(term.signal.aborted).toBe(false);
    term.end();
  });

  it('is over when it ended during sleep', async () => {
    const { term, renewals, sleep } = aTerm();
    sleep(3_600_000);
    renewals[0]?.refuse(LeaseLostError.local('it is over'));
    await eventually(() => expect(term.signal.aborted).toBe(true));
    expect(term.loss?.detail).toBe('it is over');
  });

  it('is over after sleep when nobody can tell', async () => {
    const { term, renewals, sleep } = aTerm();
    sleep(3_600_000);
    // A short time to find out, not what was left when it fell asleep.
    expect(renewals[0]?.leftMs).toBeLessThanOrEqual(2_000);
    renewals[0]?.refuse(new StoreUnavailableError({ code: 'store-unavailable', status: 503, detail: 'no' }));
    await eventually(() => expect(term.loss).toBeInstanceOf(LeaseLostError));
  });

  it('goes on after a sleep that it outlived, and is renewed at once', async () => {
    const { term, renewals, sleep } = aTerm();
    sleep(40_000);
    expect(term.remainingMs).toBeGreaterThan(0);
    expect(term.remainingMs).toBeLessThan(20_000);
    expect(renewals).toHaveLength(1);
    renewals[0]?.refuse(new StoreUnavailableError({ code: 'store-unavailable', status: 503, detail: 'no' }));
    // Not lost by one failure: there is time for another.
    await eventually(() => expect(renewals).toHaveLength(2));
    renewals[1]?.answer();
    await eventually(() => expect(term.remainingMs).toBeGreaterThan(50_000));
    expect(term.loss).toBeUndefined();
    term.end();
  });

  it('counts sleep during a renewal: its answer is of no use', async () => {
    const { term, renewals, sleep } = aTerm();
    term.wake();
    sleep(3_600_000);
    renewals[0]?.answer();
    await eventually(() => expect(renewals).toHaveLength(2));
    expect(term.remainingMs).toBe(0);
    renewals[1]?.refuse(LeaseLostError.local('it is over'));
    await eventually(() => expect(term.loss).toBeDefined());
  });
});
