import { setTimeout as sleep } from 'node:timers/promises';
import { embed } from '@syncline/embedded';
import { Redis } from 'ioredis';
import { benchmark, type Contestant, closedLoop, Latencies, type Measurement } from '../harness/index.js';
import { commandsOf } from '../redis/spent.js';

const VALUE = 'x'.repeat(200);
/** Writes whose commands are counted. */
const COUNTED = 200;

interface Writer {
  /** What comes before a write, not measured. */
  prepare(key: string): Promise<unknown>;
  write(key: string): Promise<unknown>;
}

/**
 * Latencies are those of the writes, without what prepares them. After each write the same Redis is sent a SET, so that what
 * slows the machine down slows both. Commands are counted apart, with what prepares them left out.
 */
async function measure(
  { prepare, write }: Writer,
  redis: Redis,
  load: number,
  seconds: number,
): Promise<Measurement> {
  const [writes, sets] = [new Latencies(), new Latencies()];
  const measured = await closedLoop(load, seconds, async (worker) => {
    const key = `k${worker}`;
    await prepare(key);
    const startedAt = performance.now();
    await write(key);
    const writtenAt = performance.now();
    await redis.set(`set-${worker}`, VALUE);
    writes.record(writtenAt - startedAt);
    sets.record(performance.now() - writtenAt);
    return 1;
  });
  const keys = Array.from({ length: COUNTED }, (_, i) => `counted-${i}`);
  for (const key of keys) await prepare(key);
  const before = await commandsOf(redis);
  const startedAt = performance.now();
  for (const key of keys) await write(key);
  const passedMs = performance.now() - startedAt;
  const after = await commandsOf(redis);
  await sleep(passedMs);
  const idle = (await commandsOf(redis)) - after;
  const commands = Math.max(0, after - before - idle - 1) / COUNTED;
  return {
    ...measured,
    latencies: writes,
    figures: {
      'write p50, us': writes.percentile(50) * 1_000,
      'SETs that take as long': writes.percentile(50) / sets.percentile(50),
      'Redis commands/write': commands,
    },
  };
}

const set: Contestant = {
  name: 'SET by hand',
  start: async (stage) => {
    const server = await stage.redis();
    const redis = new Redis(server.url, { enableAutoPipelining: true });
    const counted = server.connect();
    const writer = { prepare: async () => undefined, write: (key: string) => redis.set(key, VALUE) };
    return {
      measure: (load, seconds) => measure(writer, counted, load, seconds),
      stop: async () => {
        redis.disconnect();
        counted.disconnect();
      },
    };
  },
};

/** @param readers further members that hold each key when it is written */
const embedded = (name: string, readers: number): Contestant => ({
  name: `Syncline, embedded, ${name}`,
  start: async (stage) => {
    const server = await stage.redis();
    const counted = server.connect();
    const member = () => embed({ redis: server.url, roles: ['cache'] });
    const members = await Promise.all(Array.from({ length: 1 + readers }, member));
    const [writer, ...others] = members.map((each) => each.cache<string>('bench'));
    const prepare = async (key: string) => {
      for (const other of others) {
        // What is read twice is kept.
        await other.get(key);
        await other.get(key);
      }
    };
    const write = async (key: string) => writer?.set(key, VALUE);
    return {
      measure: (load, seconds) => measure({ prepare, write }, counted, load, seconds),
      stop: async () => {
        counted.disconnect();
        await Promise.all(members.map((each) => each.close()));
      },
    };
  },
});

export default benchmark({
  question:
    'How many round trips of a SET, and commands, is a write that none, one or two other members hold?',
  unit: 'cycles/s',
  loads: [1],
  contestants: [
    set,
    embedded('nobody else holds it', 0),
    embedded('one other holds it', 1),
    embedded('two others hold it', 2),
  ],
  caveats: [
    'Read the latencies, which are those of the writes alone, how many SETs one after the other take as long, by medians, and the commands of a write, those in scripts counted. A cycle also reads the key by the members that are to hold it, and sends a SET after the write; the other figures are those of cycles.',
    'All members are in one process: what a holder has to do for a write is part of its time.',
  ],
});
