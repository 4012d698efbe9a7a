import { setTimeout as sleep } from 'node:timers/promises';
import { clock } from '../clock.js';
import { LeaseLostError } from '../errors.js';
import type { Transport } from '../transport/transport.js';
import { Spent } from './acquisition.js';
import { lockCall, type Timed, timed } from './lock-calls.js';

/** The longest wait that a node takes. */
const LONGEST_TURN_MS = 600_000;
/** By how much the next request of a longer wait comes before the end of the last one. */
const OVERLAP_MS = 10_000;

/** A wait as one request after another, each of which may be repeated at other nodes. */
export interface Wait {
  readonly path: string;
  /** Body, `waitMs` aside. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
  /** Whose node holds the requests: that of a name, which can serve its line in the step that frees it. */
  readonly affinity: string;
}

/**
 * Asks for something until it is granted or the wait is over. Requests with one lease id have one place in the line.
 *
 * @throws {Spent} an earlier attempt was granted, which is over
 */
export async function askWaiting<T>(transport: Transport, wait: Wait): Promise<Timed<T>> {
  const { path, fields, signal, affinity } = wait;
  const startedAt = clock.now();
  let attempts = 0;
  let turns = 0;
  const ask = async (waitMs: number): Promise<Timed<T>> => {
    turns += 1;
    const turnAt = performance.now();
    const body = () => {
      attempts += 1;
      // What is left of the wait shrinks with each attempt.
      const left = Math.max(0, Math.round(waitMs - (performance.now() - turnAt)));
      return JSON.stringify({ ...fields, waitMs: left });
    };
    const call = { ...lockCall(path, undefined), body, waitMs, signal };
    return timed(await transport.call({ ...call, ...(waitMs > 0 && { affinity }) }));
  };
  try {
    const answer = await inTurns(ask, wait.waitMs, LONGEST_TURN_MS, OVERLAP_MS);
    return turns === 1 ? answer : { ...answer, firstSentAt: startedAt };
  } catch (error) {
    // Of the first attempt, it is the session that is gone.
    throw error instanceof LeaseLostError && attempts > 1 ? new Spent(error) : error;
  }
}

/**
 * A long wait as several shorter ones. Each begins before the one before it ends, so that nobody overtakes meanwhile.
 *
 * @param ask      waits for at most so long; later ones are answered as those before them
 * @param turnMs   longest wait of one
 */
export async function inTurns<T extends object>(
  ask: (waitMs: number) => Promise<T>,
  waitMs: number,
  turnMs: number,
  overlapMs: number,
): Promise<T> {
  const startedAt = performance.now();
  let asking = ask(Math.min(waitMs, turnMs));
  for (let last = waitMs <= turnMs; !last; ) {
    const done = new AbortController();
    const turn = sleep(turnMs - overlapMs, undefined, { signal: done.signal }).catch(() => undefined);
    const answer = await Promise.race([asking, turn]).finally(() => done.abort());
    if (answer !== undefined) return answer;
    const left = waitMs - (performance.now() - startedAt);
    last = left <= turnMs;
    asking = either(asking, ask(Math.max(1, Math.min(left, turnMs))));
  }
  return asking;
}

/** The first success, or the failure of the later one. */
async function either<T>(earlier: Promise<T>, later: Promise<T>): Promise<T> {
  try {
    return await Promise.any([earlier, later]);
  } catch {
    return later;
  }
}
