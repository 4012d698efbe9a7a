import { PayloadTooLargeError, ValidationError } from '../errors.js';

/**
 * Runs a batch. A node refuses the whole batch only when every item is invalid; then each item is sent alone, so that
 * each caller gets the error of its own item.
 */
export async function runOrOneByOne<Item, Result>(
  items: readonly Item[],
  run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>,
): Promise<readonly (Result | Error)[]> {
  try {
    return await run(items);
  } catch (error) {
    const refusedAll = error instanceof ValidationError || error instanceof PayloadTooLargeError;
    if (!refusedAll || items.length === 1) throw error;
  }
  const results: (Result | Error)[] = [];
  for (const item of items) {
    results.push(...(await run([item]).catch((error: Error) => [error])));
  }
  return results;
}
