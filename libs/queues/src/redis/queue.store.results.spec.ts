import { deliveries, type Given, QueueScripts } from '../../../../test/stages/queue-scripts.js';

const KEEP_MS = 60_000;
/** Beyond the visibility timeout of the queue. */
const VISIBLE_AGAIN_MS = 31_000;

describe('results and progress, by the scripts of a queue', () => {
  let stage: QueueScripts;

  beforeAll(async () => {
    stage = await QueueScripts.start('functions', { settableClock: true });
  });
  afterAll(() => stage.stop());
  beforeEach(() => stage.nextQueue());
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
    expect(await stage.audit(`${stage.queue}.dead`)).toEqual([]);
  });

  const send = async (...messages: Given[]): Promise<string[]> => {
    const reply = await stage.send(...messages);
    if (reply.outcome !== 'sent') throw new Error('expected to be sent');
    return reply.messages.map((one) => ('id' in one ? one.id : ''));
  };
  const lookUp = (id = '', queue = stage.queue) => stage.store.lookUp(queue, id);
  const keptOf = async (id = '') => {
    const found = await lookUp(id);
    return found !== null && 'kept' in found ? found.kept : null;
  };
  const progressOf = async (id = '') => {
    const found = await lookUp(id);
    return found !== null && 'content' in found ? found.progress : null;
  };
  const keys = async () => (await stage.redis.keys(`syncline:{queue:${stage.queue}}:*`)).sort();
  const isOver = async () => {
    await stage.pass(KEEP_MS);
    await stage.store.doDueWork(stage.queue);
  };

  it('are kept for as long as the queue says, with the message and how it ended', async () => {
    await stage.configure({ keepResultsMs: KEEP_MS, maxReceives: 3 });
    const [id, other] = await send({ body: { n: 1 }, groupId: 'G' }, { body: 2 });
    const failed = await stage.receive(1);
    await stage.reject(deliveries(failed), 0, { reason: 'no' });
    const taken = await stage.receive(2);
    expect(await stage.acknowledge(deliveries(taken), ['{"a":"\u00fc"}', ''])).toEqual(['acked', 'acked']);
    expect(await lookUp(id)).toMatchObject({
      end: { state: 'done', kept: true, at: expect.any(Number) },
      kept: {
        result: '{"a":"\u00fc"}',
        progress: '',
        failures: 1,
        content: { body: '{"n":1}', groupId: 'G' },
        attempts: [
          { how: 'nacked', reason: 'no' },
          { how: 'acked', nodeId: 'queue_1', at: expect.any(String), reason: null },
        ],
      },
    });
    expect(await keptOf(other)).toMatchObject({ result: '', failures: 0, attempts: [{ how: 'acked' }] });
    expect(await stage.audit()).toEqual([]);
    await isOver();
    expect(await lookUp(id)).toMatchObject({ end: null, kept: null });
    expect((await keys()).filter((key) => !key.includes(':acked:'))).toHaveLength(1);
    expect((await stage.stats()).bytes).toBe(0);
  });

  it('are those of the ack that counted', async () => {
    await stage.configure({ keepResultsMs: 60_000 });
    const [id] = await send({ body: 1 });
    const old = deliveries(await stage.receive(1));
    await stage.pass(VISIBLE_AGAIN_MS);
    const taken = deliveries(await stage.receive(1));
    expect(await stage.acknowledge(old, ['"old"'])).toEqual(['stale']);
    expect(await stage.acknowledge([...old, ...taken], ['"old"', '"new"'])).toEqual(['stale', 'acked']);
    expect(await stage.acknowledge(taken, ['"again"'])).toEqual(['acked']);
    expect(await keptOf(id)).toMatchObject({ result: '"new"' });
  });

  it('are not kept where the queue keeps none, and what was kept stays when it keeps none any more', async () => {
    await stage.configure();
    const [first] = await send({ body: 1 });
    await stage.acknowledge(deliveries(await stage.receive()), ['"x"']);
    expect(await lookUp(first)).toMatchObject({ end: null, kept: null });
    await stage.configure({ keepResultsMs: KEEP_MS });
    const [second] = await send({ body: 2 });
    await stage.acknowledge(deliveries(await stage.receive()));
    await stage.configure();
    const [third] = await send({ body: 3 });
    await stage.acknowledge(deliveries(await stage.receive()));
    expect(await keptOf(second)).toMatchObject({ result: '', attempts: [{ how: 'acked', nodeId: null }] });
    expect(await keptOf(third)).toBeNull();
    await isOver();
    expect(await keptOf(second)).toBeNull();
  });

  it('count against maxBytes until they are gone', async () => {
    await stage.configure({ keepResultsMs: KEEP_MS, maxBytes: 500 });
    await send({ body: 1 });
    await stage.acknowledge(deliveries(await stage.receive()), [JSON.stringify('r'.repeat(450))]);
    expect((await stage.stats()).bytes).toBeGreaterThan(450);
    expect(await stage.send({ body: 'x'.repeat(30) })).toMatchObject({ outcome: 'full', limit: 'maxBytes' });
    await isOver();
    expect(await stage.send({ body: 'x'.repeat(30) })).toMatchObject({ outcome: 'sent' });
  });

  it('tell of cancelled ones, and go with a purge', async () => {
    await stage.configure({ keepResultsMs: 60_000 });
    const [first, second, third] = await send({ body: 1 }, { body: 2 }, { body: 3 });
    await stage.store.cancel(stage.queue, first ?? '', 'withdrawn');
    await stage.store.deleteSome(stage.queue, [second ?? '']);
    expect(await lookUp(first)).toMatchObject({
      end: { state: 'cancelled', reason: 'withdrawn' },
      kept: { result: '', content: { body: '1' } },
    });
    expect(await keptOf(second)).not.toBeNull();
    await stage.extend(deliveries(await stage.receive()), 1_000, '1');
    await stage.store.purge(stage.queue);
    for (const id of [first, second, third]) expect(await keptOf(id)).toBeNull();
    expect((await stage.stats()).bytes).toBe(0);
  });

  it('tell how far a message is, until it is gone', async () => {
    await stage.configure({ maxReceives: 2 });
    const [id = '', grouped = ''] = await send({ body: 1 }, { body: 2, groupId: 'G' });
    const old = deliveries(await stage.receive(1));
    await stage.pass(VISIBLE_AGAIN_MS);
    const taken = deliveries(await stage.receive(2));
    expect(await stage.extend(old, 1_000, '"old"')).toEqual(['stale']);
    expect(await progressOf(id)).toBe('');
    expect(await stage.extend(taken, 1_000, '{"percent":40}')).toEqual(['extended', 'extended']);
    expect(await stage.extend(taken, 1_000)).toEqual(['extended', 'extended']);
    expect(await progressOf(id)).toBe('{"percent":40}');
    await stage.extend(taken, 1_000, '9');
    expect(await progressOf(grouped)).toBe('9');
    expect(await stage.audit()).toEqual([]);
    // Kept while it waits for the next delivery, whatever its priority becomes; a dead letter starts anew.
    await stage.reject(taken.slice(1), 0);
    await stage.store.reschedule(stage.queue, grouped, undefined, 5);
    expect(await progressOf(grouped)).toBe('9');
    await stage.reject(taken.slice(0, 1), 0);
    await stage.acknowledge(deliveries(await stage.receive()));
    await stage.outbox.deliver(stage.queue);
    expect(await lookUp(id, `${stage.queue}.dead`)).toMatchObject({ progress: '' });
  });
});
