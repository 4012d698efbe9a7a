import { Redis } from 'ioredis';
import { memoryOf, type Peer } from '../broker.js';

const STREAM = 'bench';
const GROUP = 'workers';

type Entry = [id: string, fields: string[]];
type Read = [stream: string, entries: Entry[]][] | null;

const receive = async (reader: Redis, count: number): Promise<Entry[]> => {
  const waiting = reader.xreadgroup(
    'GROUP',
    GROUP,
    'me',
    'COUNT',
    count,
    'BLOCK',
    1_000,
    'STREAMS',
    STREAM,
    '>',
  );
  return ((await waiting) as Read)?.[0]?.[1] ?? [];
};

/** What one writes oneself over Redis: a stream with a consumer group, and what is done is removed. */
export const redisStreams: Peer = {
  name: 'Redis Streams, by hand',
  open: async (stage) => {
    const redis = await stage.redis();
    const writer = new Redis(redis.url, { enableAutoPipelining: true });
    const make = () => writer.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
    await make();
    const add = (body: string) => writer.xadd(STREAM, '*', 'body', body);
    const settle = (ids: readonly string[]) =>
      Promise.all([writer.xack(STREAM, GROUP, ...ids), writer.xdel(STREAM, ...ids)]);
    return {
      send: add,
      sendBatch: (bodies) => Promise.all(bodies.map(add)),
      consume: async (concurrency, handle) => {
        const reader = redis.connect();
        let stopped = false;
        const loop = async () => {
          while (!stopped) {
            const received = await receive(reader, concurrency);
            for (const [, [, body = '']] of received) handle(body);
            if (received.length > 0) await settle(received.map(([id]) => id));
          }
        };
        const running = loop();
        return async () => {
          stopped = true;
          await running;
          reader.disconnect();
        };
      },
      clear: async () => {
        await writer.del(STREAM);
        await make();
      },
      memory: () => memoryOf(writer),
      stop: async () => writer.disconnect(),
    };
  },
};
