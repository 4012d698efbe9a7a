// npm run bench: installs missing dependencies, builds when needed, then runs benchmarks/harness/cli.ts.
import { buildWhenStale } from './build-when-stale.mjs';
import { findRedis, HOW_TO_GET_REDIS } from './find-redis.mjs';
import { installWhenStale } from './install-when-stale.mjs';

const say = (line) => console.error(line);
installWhenStale(say);
installWhenStale(say, 'benchmarks');
// A load test of running nodes needs neither a build nor a Redis.
if (!process.argv.includes('--url')) {
  buildWhenStale(say, 'apps');
  buildWhenStale(say, 'packages');
  const redis = findRedis(say);
  if (redis === null) throw new Error(HOW_TO_GET_REDIS);
  process.env.REDIS_SERVER = redis;
}
const { register } = await import('tsx/esm/api');
register({ tsconfig: 'benchmarks/tsconfig.json' });
await import('../benchmarks/harness/cli.js');
