import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Tries an assertion until it holds, then returns what it returned. For states that a test can only look at;
 * where something can be awaited, await it instead.
 *
 * @throws the last failure when it does not hold within `withinMs`
 */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = 5_000): Promise<T> {
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
