import { PayloadTooLargeError, ValidationError } from '../errors.js';

/** When a node refuses a batch as a whole, for there was something wrong with each item, each gets its own refusal. */
export async function eachByItself<Item, Result>(
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
