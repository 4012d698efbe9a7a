import { setTimeout as sleep } from 'node:timers/promises';

/** Only a hang takes longer, on the busiest machine too. How fast a state is reached is no matter of the clock of a test. */
const HANGS_AFTER_MS = 30_000;

/**
 * Tries an assertion until it holds, then returns what it returned. For states that a test can only look at;
 * where something can be awaited, await it instead. A fast path and its slow fallback are told apart by what they
 * do (commands of Redis, figures of a node), not by a deadline.
 *
 * @throws the last failure when it does not hold in half a minute
 */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = HANGS_AFTER_MS): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(20);
    }
  }
}
