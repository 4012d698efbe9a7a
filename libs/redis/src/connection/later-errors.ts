import type { Redis } from 'ioredis';

/**
 * ioredis hears the first error of a socket only. A socket of TLS may have a second one, about the same failure, which would
 * end the process as an `error` that nobody hears.
 */
export function hearLaterErrors(redis: Redis): void {
  let heard: unknown;
  redis.on('error', () => {
    const { stream } = redis;
    if (stream === undefined || stream === heard) return;
    heard = stream;
    stream.on('error', () => {});
  });
}
