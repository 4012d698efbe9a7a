import { join, relative } from 'node:path';
import type { Role } from '@syncline/contracts';
import { RedisServer, startNodes } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { type Http, REDIS_SETTINGS } from '../harness/index.js';
import type { HotCommands } from './hot-commands.js';
import { spent } from './spent.js';
import { type Call, Tap } from './tap.js';

/** How many of a command are recorded, those of batches counted each. */
const RECORDED = 3_200;
/** So many calls are under way while a recording is played, so that Redis does not fall asleep between them. */
const UNDER_WAY = 4;
/** A recording is never played for so long. */
const LONGEST_MS = 3_600_000;
const MOST_KEYS_TOLD = 10;

interface Section {
  readonly command: string;
  /** How many there are in all calls. */
  readonly count: number;
  readonly calls: readonly Call[];
}

/** A key of Redis. `endsAt` in ms; 0: never. */
interface Key {
  readonly key: Buffer;
  readonly endsAt: number;
  readonly dump: Buffer;
}

/** What a node sends to Redis for hot commands. Played again and again without the node, from the same state of Redis. */
export class Recording {
  private readonly before: Key[] = [];
  private readonly madeAt = Date.now();
  private readonly sections: Section[] = [];
  private keysAfter: readonly string[] = [];

  private constructor(
    private readonly server: RedisServer,
    private readonly redis: Redis,
    readonly batch: number,
  ) {}

  /** @param checkout whose node is recorded: it was built */
  static async make(
    http: Http,
    checkout: string,
    { role, commands, batch }: { role: Role; commands: HotCommands; batch: number },
  ): Promise<Recording> {
    const server = await RedisServer.start(REDIS_SETTINGS);
    const recording = new Recording(server, server.connect(), batch);
    const tap = await Tap.start(server.port);
    const dist = join(relative('.', checkout), 'dist');
    const [node] = await startNodes(role, 1, { redisUrl: tap.url, dist });
    if (node === undefined) throw new Error('No node was started.');
    // Scripts are loaded, and what is made at the first use is there.
    const target = { http, url: node.url, batch };
    await commands({ ...target, during: times(1), measure: async (_, work) => void (await work()) });
    await commands({
      ...target,
      during: times(RECORDED / batch),
      measure: (command, work) => recording.add(command, work, tap),
    });
    await node.stop();
    tap.stop();
    return recording;
  }

  /**
   * Microseconds that Redis spends on one of each command.
   *
   * @throws Error when Redis does not end as it did when this was recorded
   */
  async play(): Promise<Record<string, number>> {
    const restored = this.redis.multi().flushdb();
    // What ends by itself has as long left as it had, however often this was played.
    const later = Date.now() - this.madeAt;
    for (const { key, endsAt, dump } of this.before)
      restored.restore(key, endsAt === 0 ? 0 : endsAt + later, dump, 'ABSTTL');
    await restored.exec();
    // No node beats meanwhile: lock nodes would take the time since the recording for a leap of the clock of Redis.
    for (const pulse of await this.redis.keys('*pulse'))
      await this.redis.set(pulse, `${Date.now() + LONGEST_MS} 0`);
    const taken: Record<string, number> = {};
    for (const { command, count, calls } of this.sections) {
      const from = await spent(this.redis);
      await this.send(calls);
      taken[command] = ((await spent(this.redis)) - from) / count;
    }
    const keys = await this.keysOfCommands();
    const odd = [...without(keys, this.keysAfter), ...without(this.keysAfter, keys)].slice(0, MOST_KEYS_TOLD);
    if (odd.length > 0) throw new Error(`Played or recorded, only one of the two leaves these keys: ${odd}.`);
    return taken;
  }

  async stop(): Promise<void> {
    this.redis.disconnect();
    await this.server.stop();
  }

  private async add(command: string, work: () => Promise<number>, tap: Tap): Promise<void> {
    if (this.sections.length === 0) this.before.push(...(await keysOf(this.redis)));
    tap.take();
    const count = await work();
    this.sections.push({ command, count, calls: tap.take() });
    this.keysAfter = await this.keysOfCommands();
  }

  /** All but what the node leaves by itself: its membership, its heartbeats, what it tells. Periods of time are one. */
  private async keysOfCommands(): Promise<readonly string[]> {
    const keys = (await this.redis.keys('*')).filter((key) => !/\{cluster:|pulse$|:inUse$/.test(key));
    return [...new Set(keys.map((key) => key.replace(/(:acked:.*):\d+$/, '$1')))].sort();
  }

  /** Each call by itself: a connection sends its next one when the one before is answered. */
  private async send(calls: readonly Call[]): Promise<void> {
    const left = calls.values();
    const sendEach = async () => {
      const redis = this.server.connect();
      for (const [name, ...args] of left) await redis.callBuffer(String(name), ...args);
      redis.disconnect();
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, sendEach));
  }
}

const times = (count: number) => async (work: () => Promise<unknown>) => {
  for (let done = 0; done < count; done += 1) await work();
  return count;
};

function without(keys: readonly string[], others: readonly string[]): string[] {
  const there = new Set(others);
  return keys.filter((key) => !there.has(key));
}

async function keysOf(redis: Redis): Promise<Key[]> {
  const keys = await redis.keysBuffer('*');
  const read = keys.map(async (key) => {
    const [endsAt, dump] = await Promise.all([redis.pexpiretime(key), redis.dumpBuffer(key)]);
    return dump === null ? [] : [{ key, endsAt: Math.max(0, endsAt), dump }];
  });
  return (await Promise.all(read)).flat();
}
