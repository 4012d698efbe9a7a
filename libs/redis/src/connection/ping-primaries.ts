import { Cluster } from 'ioredis';
import { StoreUnavailable, storeError } from '../store-unavailable.js';
import { type RedisClient, whenReady } from './connection.js';

/**
 * Asks every primary for a sign of life.
 *
 * @throws StoreUnavailable when one does not answer; on a Redis Cluster its message names it
 */
export async function pingPrimaries(redis: RedisClient): Promise<void> {
  try {
    if (redis.status !== 'ready') await whenReady(redis);
    if (redis instanceof Cluster) await Promise.all(primariesByAddress(redis).map(ping));
    else await redis.ping();
  } catch (error) {
    throw storeError(error);
  }
}

type Primaries = readonly (readonly [
  address: string,
  primary: ReturnType<Cluster['nodes']>[number] | undefined,
])[];

/** Those that own slots; undefined: there is no connection to it. */
function primariesByAddress(redis: Cluster): Primaries {
  const connected = new Map(
    redis.nodes('master').map((node) => [`${node.options.host}:${node.options.port}`, node]),
  );
  const owners = new Set(redis.slots.map(([owner]) => owner));
  return [...owners].flatMap((address) => (address === undefined ? [] : [[address, connected.get(address)]]));
}

async function ping([address, primary]: Primaries[number]): Promise<void> {
  const why = await (primary === undefined
    ? 'it is not connected'
    : primary.ping().then(
        () => null,
        (error: Error) => error.message,
      ));
  if (why !== null) throw new StoreUnavailable(`The primary of Redis at ${address} does not answer: ${why}.`);
}
