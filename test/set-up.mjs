import { buildWhenStale } from '../scripts/build-when-stale.mjs';
import { findChromium } from '../scripts/find-chromium.mjs';
import { findPrometheus } from '../scripts/find-prometheus.mjs';
import { findRedis, HOW_TO_GET_REDIS } from '../scripts/find-redis.mjs';

const say = (line) => process.stderr.write(`${line}\n`);

export default function setUp() {
  const redis = process.env.REDIS_SERVER || findRedis(say);
  if (redis === null) throw new Error(HOW_TO_GET_REDIS);
  process.env.REDIS_SERVER = redis;
  // Without a browser or a Prometheus, the tests that need one fail and say what to install; the others run.
  process.env.CHROMIUM = findChromium(say) ?? '';
  process.env.PROMETHEUS = findPrometheus(say) ?? '';
  buildWhenStale(say, 'apps');
  buildWhenStale(say, 'packages');
}
