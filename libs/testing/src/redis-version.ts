import { spawnSync } from 'node:child_process';

/** Whether the Redis of the tests is of this version or newer. A Valkey counts as the version that it says. */
export function isRedisFrom(major: number, minor: number): boolean {
  const { stdout } = spawnSync(process.env.REDIS_SERVER ?? 'redis-server', ['--version'], {
    encoding: 'utf8',
  });
  const [, is = 0, point = 0] = /v=(\d+)\.(\d+)/.exec(stdout)?.map(Number) ?? [];
  return is > major || (is === major && point >= minor);
}
