import { Redis } from 'ioredis';
import { benchmark, type Contestant } from '../harness/index.js';

const SCRIPT = "redis.call('SET', KEYS[1], ARGV[1]); return redis.call('GET', KEYS[1])";

const scripts = (enableAutoPipelining: boolean): Contestant => ({
  name: enableAutoPipelining ? 'scripts, auto-pipelined' : 'scripts, one by one',
  start: async (stage) => {
    const { url } = await stage.redis();
    const redis = new Redis(url, { enableAutoPipelining });
    const sha = String(await redis.script('LOAD', SCRIPT));
    return {
      operation: async (worker: number) => {
        await redis.evalsha(sha, 1, `key:${worker}`, 'x'.repeat(100));
        return 1;
      },
      stop: async () => redis.disconnect(),
    };
  },
});

export default benchmark({
  question: 'How many small scripts a second can one client run on one Redis here?',
  unit: 'scripts/s',
  loads: [1, 16, 64],
  contestants: [scripts(true), scripts(false)],
  caveats: ['The ceiling of everything else: no HTTP, no rules, no state that matters.'],
});
