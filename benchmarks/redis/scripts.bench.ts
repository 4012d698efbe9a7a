import { setTimeout as sleep } from 'node:timers/promises';
import type { Role } from '@syncline/contracts';
import type { Redis } from 'ioredis';
import {
  benchmark,
  type Contestant,
  Http,
  Latencies,
  type Measurement,
  type Stage,
} from '../harness/index.js';
import { HOT_COMMANDS } from './hot-commands.js';
import { Recording } from './recording.js';
import { field, spent } from './spent.js';

const BATCHES = [1, 32, 100];
/** A node joins its cluster and settles in this time. */
const SETTLE_MS = 1_500;
/** So long it is measured what a node costs Redis while nobody uses it. */
const IDLE_MS = 3_000;

/** A node of a role, on a Redis of its own. */
interface Node {
  readonly role: Role;
  readonly url: string;
  readonly redis: Redis;
  /** Microseconds a second that its Redis spends when nobody uses the node: heartbeats and the like. */
  readonly idle: number;
}

/** Median of what the scripts took since the statistics were reset, microseconds. */
async function scriptMedian(redis: Redis): Promise<number> {
  const info = await redis.info('commandstats', 'latencystats');
  const calls = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
  const name = calls('fcall') > calls('evalsha') ? 'fcall' : 'evalsha';
  return Number(new RegExp(`latency_percentiles_usec_${name}:p50=([\\d.]+)`).exec(info)?.[1]);
}

async function start(stage: Stage, role: Role, checkout: string): Promise<Node> {
  const server = await stage.redis();
  const [url = ''] = await stage.nodes(role, 1, server, checkout);
  const redis = server.connect();
  await sleep(SETTLE_MS);
  const [before, from] = [await spent(redis), performance.now()];
  await sleep(IDLE_MS);
  const idle = ((await spent(redis)) - before) / ((performance.now() - from) / 1_000);
  return { role, url, redis, idle };
}

/** Measures all commands that have such batches, each for some seconds. */
async function measure(
  http: Http,
  nodes: readonly Node[],
  recordings: readonly Recording[],
  batch: number,
  seconds: number,
): Promise<Measurement> {
  const latencies = new Latencies();
  const figures: Record<string, number> = {};
  let operations = 0;
  let spentUs = 0;
  let redisCommands = 0;
  for (const { role, commands, batches } of HOT_COMMANDS) {
    const node = nodes.find((each) => each.role === role);
    if (node === undefined || !batches.includes(batch)) continue;
    await commands({
      http,
      url: node.url,
      batch,
      during: async (work) => {
        const until = performance.now() + seconds * 1_000;
        let times = 0;
        for (let before = performance.now(); before < until; times += 1) {
          if ((await work()) === false) break;
          const now = performance.now();
          latencies.record(now - before);
          before = now;
        }
        return times;
      },
      measure: async (command, work) => {
        const { redis, idle } = node;
        await redis.config('RESETSTAT');
        const [before, from] = [await spent(redis), performance.now()];
        const done = await work();
        const idleUs = (idle * (performance.now() - from)) / 1_000;
        const us = (await spent(redis)) - before - idleUs;
        redisCommands += field(await redis.info('stats'), 'total_commands_processed');
        figures[`${command}, us`] = us / done;
        if (batch === 1) figures[`${command}, script us`] = await scriptMedian(redis);
        operations += done;
        spentUs += us;
      },
    });
  }
  for (const recording of recordings) {
    if (recording.batch !== batch) continue;
    for (const [command, us] of Object.entries(await recording.play())) figures[`${command}, warm us`] = us;
  }
  // The statistics were reset meanwhile: what the harness counts itself is not right.
  figures['Redis commands/op'] = redisCommands / operations;
  for (const { role, idle } of nodes) figures[`idle ${role} node, us/s`] = idle;
  return { operations, seconds: spentUs / 1e6, latencies, figures };
}

const version = (name: string, checkout: string): Contestant => ({
  name,
  start: async (stage) => {
    const http = new Http();
    const roles: readonly Role[] = ['lock', 'queue', 'cache'];
    const nodes = await Promise.all(roles.map((role) => start(stage, role, checkout)));
    const recordings: Recording[] = [];
    for (const { role, commands, batches, recorded } of HOT_COMMANDS) {
      for (const batch of recorded ? batches : []) {
        recordings.push(await Recording.make(http, checkout, { role, commands, batch }));
      }
    }
    return {
      measure: (batch, seconds) => measure(http, nodes, recordings, batch, seconds),
      stop: async () => {
        for (const { redis } of nodes) redis.disconnect();
        await Promise.all([http.stop(), ...recordings.map((recording) => recording.stop())]);
      },
    };
  },
});

export default benchmark({
  question: 'What does each hot command cost Redis, alone and in batches, in microseconds of its own time?',
  unit: 'commands/s of Redis',
  loads: BATCHES,
  loadUnit: 'in a batch',
  // Short turns: what else the machine does changes within seconds.
  rounds: 15,
  seconds: 0.3,
  contestants: [version('this checkout', '.')],
  against: ({ path, commit }) => version(`commit ${commit}`, path),
  caveats: [
    'Read the lines of the commands, median of the rounds and, in brackets, the lowest: on a busy machine the lowest is nearer to what a command costs by itself. Microseconds are what the main thread of Redis used (user and system, INFO cpu) for one of a batch, its share of reading requests and writing answers and the append-only file included. What an idle node costs is measured first, and subtracted.',
    'Commands a second are those a second of that time, all together, not a second of the clock; the latencies are those of a batch or a cycle over HTTP, with one node and one batch under way.',
    'Warm us: the same for calls that a node sent before, recorded and sent again without it, each by itself and four under way, so that Redis and the caches of its processor do not fall asleep in between. Of commands that can be repeated from the same state.',
    'Script us: the median of what Redis tells about its EVALSHA or FCALL while a command is alone: nothing but the script.',
    'Batches use the routes for batches where there are such; else as many calls are under way at once (waits, fill leases).',
    'A lock that is waited for is one that three callers want all the time, so each release hands it over: a wait, a grant and a release count as one. A read from Redis is the first one of a key through this node.',
  ],
});
