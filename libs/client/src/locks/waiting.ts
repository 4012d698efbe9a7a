import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '../clock.js';
import { LeaseLostError } from '../errors.js';
import { SpentLeaseId } from './acquisition.js';
import type { Timed, Wait } from './lock-port.js';

/** The longest wait of one request. */
const LONGEST_REQUEST_MS = 600_000;
/** In a longer wait, the next request starts this long before the previous one ends. */
const OVERLAP_MS = 10_000;

/**
 * Waits until the lock is granted or `waitMs` is over. Requests with one lease id share one place in the line.
 *
 * @param ask sends one request, which may be repeated
 * @throws {SpentLeaseId} an earlier attempt was granted, and that lease is over
 */
export async function acquireWaiting<T>(
  { waitMs, signal }: Pick<Wait, 'waitMs' | 'signal'>,
  ask: (wait: Wait) => Promise<Timed<T>>,
): Promise<Timed<T>> {
  const startedAt = clock.now();
  let attempts = 0;
  let requests = 0;
  const onAttempt = () => {
    attempts += 1;
  };
  const askOnce = (leftMs: number) => {
    requests += 1;
    return ask({ waitMs: leftMs, signal, onAttempt });
  };
  try {
    const answer = await inOverlappingRequests(askOnce, waitMs, LONGEST_REQUEST_MS, OVERLAP_MS);
    return requests === 1 ? answer : { ...answer, firstSentAt: startedAt };
  } catch (error) {
    // At the first attempt this error means that the session is gone.
    throw error instanceof LeaseLostError && attempts > 1 ? new SpentLeaseId(error) : error;
  }
}

/**
 * Splits a long wait into several requests. Each starts before the previous one ends, so that the wait keeps its place.
 *
 * @param ask       sends one request that waits at most this long
 * @param requestMs longest wait of one request
 */
export async function inOverlappingRequests<T extends object>(
  ask: (waitMs: number) => Promise<T>,
  waitMs: number,
  requestMs: number,
  overlapMs: number,
): Promise<T> {
  const startedAt = performance.now();
  let asking = ask(Math.min(waitMs, requestMs));
  for (let last = waitMs <= requestMs; !last; ) {
    const done = new AbortController();
    const pause = sleep(requestMs - overlapMs, undefined, { signal: done.signal }).catch(() => undefined);
    const answer = await Promise.race([asking, pause]).finally(() => done.abort());
    if (answer !== undefined) return answer;
    const left = waitMs - (performance.now() - startedAt);
    last = left <= requestMs;
    asking = either(asking, ask(Math.max(1, Math.min(left, requestMs))));
  }
  return asking;
}

/** The first success, else the failure of the later request. */
async function either<T>(earlier: Promise<T>, later: Promise<T>): Promise<T> {
  try {
    return await Promise.any([earlier, later]);
  } catch {
    return later;
  }
}
