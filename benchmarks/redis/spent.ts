import type { Redis } from 'ioredis';

/** A number of an answer to `INFO`. */
export const field = (info: string, name: string): number =>
  Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? Number.NaN);

/** Microseconds that the main thread of a Redis spent so far. */
export async function spent(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  return (field(info, 'used_cpu_user_main_thread') + field(info, 'used_cpu_sys_main_thread')) * 1e6;
}

/** Commands that a Redis ran so far, those in scripts too, but for the question itself. */
export async function commandsOf(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats');
  return [...stats.matchAll(/^cmdstat_(?!info)\S*:calls=(\d+)/gm)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}
