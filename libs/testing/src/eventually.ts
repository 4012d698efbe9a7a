import { setTimeout as sleep } from 'node:timers/promises';

/** Only a hang takes longer, even on a busy machine. Tests must not measure how fast a state is reached. */
const HANGS_AFTER_MS = 30_000;

/**
 * Repeats a check until it does not throw, and returns its result. Use it only for states that a test has to poll; await
 * events where possible. Distinguish a fast path from its slow fallback by what they do (Redis commands, metrics of a
 * node), not by a deadline.
 *
 * @throws the last failure when the check fails for half a minute
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
