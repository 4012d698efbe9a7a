import { eventually } from '@syncline/testing';
import { bodies, QueueScripts } from '../../../../test/stages/queue-scripts.js';
import { encodeTails } from './record.js';
import { restore } from './scripts/restore.js';

describe('a queue in a new Redis instance', () => {
  let stage: QueueScripts;

  beforeAll(async () => {
    stage = await QueueScripts.start();
  });
  afterAll(() => stage.stop());

  /** A replica that is promoted has another replication id, and knows nothing of what the library of its primary found out. */
  async function promote(): Promise<void> {
    await stage.redis.replicaof('127.0.0.1', '1');
    await stage.redis.replicaof('NO', 'ONE');
    await stage.redis.call('FUNCTION', 'FLUSH');
  }

  it('is told what a node sent while it still waited for the instance before to open', async () => {
    stage.nextQueue();
    await stage.configure();
    await promote();
    // A newcomer, as every node of a stage is: it waits for others that may know more.
    const pending = stage.send({ body: 'pending' });
    await eventually(async () => expect(await stage.redis.keys('*told')).toHaveLength(1));
    const other = { nodeId: 'queue_2', timersNode: 'queue_1', members: [], areAll: true, last: true };
    const nothing = { known: null, ended: [], held: [] };
    const opened = await restore(stage.redis, { queue: stage.queue, ...other, ...nothing });
    expect(opened.leftMs).toBe(0);

    const sent = await stage.send({ body: 'answered' });
    if (sent.outcome !== 'sent') throw new Error(sent.outcome);
    const content = { body: '"answered"', headers: {}, priority: 0, groupId: null, ttlMs: null, extra: null };
    const batch = { at: performance.now(), seqs: sent.seqs, tails: encodeTails([content]), options: [] };
    stage.memory.sent(stage.queue, sent.gen, batch);

    await promote();
    await stage.redis.flushdb();
    await pending;
    expect(bodies(await stage.receive(10)).sort()).toEqual(['answered', 'pending']);
  });
});
