import { Redlock as RedisKitLock } from '@redis-kit/lock';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { Mutex } from 'redis-semaphore';
import Redlock from 'redlock';
import { createLock, IoredisAdapter } from 'redlock-universal';
import { type Locker, type Peer, TTL_MS } from '../locker.js';

/** The libraries have no queue, they ask again: sooner than their defaults of 10 to 200 ms, which would leave the lock idle. */
const RETRY_MS = 5;
/** As good as for ever. */
const RETRIES = 1e6;

type Lock = Locker['lock'];

/** A library over one ioredis connection of its own. */
const onIoredis = (name: string, make: (redis: Redis) => Lock): Peer => ({
  name,
  open: async (stage) => {
    const redis = new Redis((await stage.redis()).url, { enableAutoPipelining: true });
    return { lock: make(redis), stop: () => redis.disconnect() };
  },
});

export const redlock = onIoredis('redlock 4.2', (redis) => {
  const locks = new Redlock([redis], { retryCount: -1, retryDelay: RETRY_MS, retryJitter: RETRY_MS });
  return async (name) => {
    const lock = await locks.lock(name, TTL_MS);
    return () => lock.unlock();
  };
});

export const redlockUniversal = onIoredis('redlock-universal 0.8', (redis) => {
  const adapter = new IoredisAdapter(redis);
  return async (name) => {
    const lock = createLock({
      adapter,
      key: name,
      ttl: TTL_MS,
      retryAttempts: RETRIES,
      retryDelay: RETRY_MS,
    });
    const handle = await lock.acquire();
    return () => lock.release(handle);
  };
});

export const redisSemaphore = onIoredis('redis-semaphore 5.8', (redis) => {
  const options = { lockTimeout: TTL_MS, acquireTimeout: TTL_MS, retryInterval: RETRY_MS };
  return async (name) => {
    const mutex = new Mutex(redis, name, options);
    await mutex.acquire();
    return () => mutex.release();
  };
});

export const redisKitLock: Peer = {
  name: '@redis-kit/lock 0.1',
  open: async (stage) => {
    const redis = createClient({ url: (await stage.redis()).url });
    // Without a listener the end of a connection would be the end of the process; its commands fail anyway.
    redis.on('error', () => undefined);
    await redis.connect();
    const locks = new RedisKitLock([redis], {
      retryDelayMs: RETRY_MS,
      retryJitterMs: RETRY_MS,
      maxRetryAttempts: RETRIES,
    });
    return {
      lock: async (name) => {
        const lock = await locks.acquire(name, TTL_MS);
        if (lock === null) throw new Error(`@redis-kit/lock did not get ${name}`);
        return () => lock.release();
      },
      stop: () => redis.destroy(),
    };
  },
};
