import type { Redis } from 'ioredis';
import type { RedisClient } from '../connection/connection.js';
import { primariesOf } from '../connection/primary.js';
import { isReplyError, storeError } from '../store-unavailable.js';

/**
 * Removes the libraries with a prefix that no process uses, from every primary: each version of a shelf leaves one.
 * Removing a library that is in use is harmless: it is loaded again, and its instance is entered again.
 *
 * @param prefix as given to `LuaLibrary`
 * @param named  names of the libraries that living processes use
 * @returns names of the removed libraries
 * @throws StoreUnavailable
 */
export async function removeLibraries(
  redis: RedisClient,
  prefix: string,
  named: ReadonlySet<string>,
): Promise<string[]> {
  const removed = await Promise.all(primariesOf(redis).map((primary) => removeFrom(primary, prefix, named)));
  return [...new Set(removed.flat())];
}

async function removeFrom(primary: Redis, prefix: string, named: ReadonlySet<string>): Promise<string[]> {
  const ours = new RegExp(`^${prefix}_[0-9a-f]{16}$`);
  try {
    const listed = (await primary.function('LIST', 'LIBRARYNAME', `${prefix}_*`)) as unknown[][];
    const names = listed.map(([, name]) => String(name));
    const unused = names.filter((name) => ours.test(name) && !named.has(name));
    await Promise.all(unused.map((name) => remove(primary, name)));
    return unused;
  } catch (error) {
    throw storeError(error);
  }
}

async function remove(primary: Redis, name: string): Promise<void> {
  try {
    await primary.function('DELETE', name);
  } catch (error) {
    // Another process removed it first.
    if (!isReplyError(error) || !error.message.startsWith('ERR Library not found')) throw error;
  }
}
