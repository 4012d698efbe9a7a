import { QueueClient } from '@syncline/client';
import type { Durability } from '@syncline/contracts';
import { eventually, type RedisServer } from '@syncline/testing';
import { benchmark, type Contestant, type Stage } from '../harness/index.js';
import { BODY } from './broker.js';

/** Sets a Redis up for a level, where that needs something. */
type Prepare = (redis: RedisServer, stage: Stage) => Promise<unknown>;

const followed: Prepare = async ({ port }, stage) => {
  const replica = (await stage.redis()).connect();
  await replica.call('REPLICAOF', '127.0.0.1', port);
  await eventually(async () => {
    if (!/^master_link_status:up/m.test(await replica.info('replication'))) throw new Error('no replica yet');
  });
  replica.disconnect();
};

const synced: Prepare = async (redis) => {
  const client = redis.connect();
  await client.config('SET', 'appendfsync', 'always');
  client.disconnect();
};

const sending = (name: string, durability: Durability, prepare: Prepare): Contestant => ({
  name,
  start: async (stage) => {
    const redis = await stage.redis();
    await prepare(redis, stage);
    const client = new QueueClient({ urls: await stage.nodes('queue', 2, redis) });
    const queue = client.queue<string>('bench');
    await queue.configure({ durability });
    return {
      prepare: () => queue.purge(),
      operation: async () => {
        await queue.send(BODY);
        return 1;
      },
      stop: () => client.close(),
    };
  },
});

export default benchmark({
  question: 'How many messages of 200 bytes are sent a second, one by one, at each durability?',
  unit: 'messages/s',
  loads: [1, 64],
  rounds: 3,
  contestants: [
    sending('local', 'local', async () => {}),
    sending('replicated, to one replica', 'replicated', followed),
    sending('fsync, by appendfsync always', 'fsync', synced),
  ],
  caveats: [
    'The replica is on the same machine: over a network its round trip is added.',
    'Redis writes to its disk once a second, but always for fsync.',
  ],
});
