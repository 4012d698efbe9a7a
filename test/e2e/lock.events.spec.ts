import type { Lease } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { EventStream } from './event-stream.js';
import { acquire, call, describeLock, release, shown } from './lock.calls.js';

describe('events of a lock', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  let one: NodeProcess;
  let two: NodeProcess;
  const streams: EventStream[] = [];
  const open = async (node: NodeProcess, name: string, after?: string) => {
    const stream = await EventStream.open(node, `locks/${name}/events`, { after });
    streams.push(stream);
    return stream;
  };

  beforeAll(async () => {
    redis = await RedisServer.start();
    nodes = await startNodes('lock', 2, { redisUrl: redis.url });
    [one, two] = nodes as [NodeProcess, NodeProcess];
  });
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close();
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('tell of every grant and of every end, through any node', async () => {
    const stream = await open(one, 'told');
    const { body: lease } = await acquire(two, 'told', { owner: 'a' });
    const waiting = acquire(one, 'told', { owner: 'b', waitMs: 5_000 });
    await eventually(async () => expect((await describeLock(one, 'told')).waiters).toHaveLength(1));
    await release(two, lease);
    await call(two, 'DELETE', `locks/told`, {});
    await waiting;
    await call(two, 'DELETE', `locks/told`, {});
    await acquire(two, 'told', { owner: 'c', ttlMs: 100 });
    await eventually(() =>
      expect(stream.kinds).toEqual(['acquired', 'released', 'acquired', 'revoked', 'acquired', 'expired']),
    );
    expect(stream.events[0]?.data).toEqual(shown(lease));
    expect(stream.events.map((each) => each.data.owner)).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
    expect(stream.events.every((each) => /^\d+-\d+$/.test(each.id ?? ''))).toBe(true);
  });

  it('go on after Last-Event-ID, without a gap and without a repetition', async () => {
    const first = await open(one, 'resumed');
    const grants: Lease[] = [];
    const cycle = async () => {
      const { body } = await acquire(one, 'resumed', { owner: 'a' });
      grants.push(body);
      await release(one, body);
    };
    await cycle();
    await eventually(() => expect(first.events).toHaveLength(2));
    first.close();
    await cycle();
    await cycle();
    const second = await open(two, 'resumed', first.events[1]?.id);
    await cycle();
    await eventually(() => expect(second.events).toHaveLength(6));
    const tokens = second.events.map((each) => each.data.fencingToken);
    expect(tokens).toEqual(grants.slice(1).flatMap((lease) => [lease.fencingToken, lease.fencingToken]));
  });

  it('show by comments that the node lives, from the beginning on', async () => {
    const stream = await open(one, 'quiet');
    await eventually(() => expect(stream.comments).toBeGreaterThanOrEqual(1), 1_000);
    const openedAt = performance.now();
    await eventually(() => expect(stream.comments).toBeGreaterThanOrEqual(3), 15_000);
    expect(performance.now() - openedAt).toBeLessThan(10_000);
    expect(stream.events).toEqual([]);
  }, 20_000);

  it('can be resumed before anything happened, and after what says that something is missing', async () => {
    const first = await open(one, 'early');
    await eventually(() => expect(first.lastId).toMatch(/^\d+-\d+$/));
    first.close();
    await acquire(two, 'early', { owner: 'a' });
    const second = await open(two, 'early', first.lastId);
    await eventually(() => expect(second.kinds).toEqual(['acquired']));
    const gone = await open(two, 'early-gone', '1769851800000-0');
    await eventually(() => expect(gone.kinds).toEqual(['gone']));
    expect((await open(one, 'early-gone', gone.lastId)).status).toBe(200);
  });

  it('say so when the history after Last-Event-ID is gone', async () => {
    const first = await open(one, 'gone');
    const { body: lease } = await acquire(one, 'gone', { owner: 'a' });
    await eventually(() => expect(first.events).toHaveLength(1));
    first.close();
    await release(one, lease);
    for (let i = 0; i < 140; i += 1) {
      const { body } = await acquire(one, 'gone', { owner: 'x' });
      await release(one, body);
    }
    const late = await open(two, 'gone', first.events[0]?.id);
    await eventually(() => expect(late.events.length).toBe(257));
    expect(late.events[0]).toMatchObject({ event: 'gone', data: { code: 'history-gone' } });
    // A history that nobody kept is gone as well.
    const never = await open(two, 'never-watched', '1769851800000-0');
    await eventually(() => expect(never.kinds).toEqual(['gone']));
  });

  it('end when the node stops; a bad Last-Event-ID is refused', async () => {
    expect((await open(one, 'x', 'nonsense')).status).toBe(400);
    const node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_3' });
    const stream = await open(node, 'x');
    expect(stream.status).toBe(200);
    expect(await node.stop()).toBe(0);
  });

  it('leave nothing in Redis for names that nobody watches', async () => {
    const client = redis.connect();
    const { body } = await acquire(one, 'unwatched', { owner: 'a' });
    await release(one, body);
    expect(await client.exists('syncline:lock:{0}:e:l/unwatched')).toBe(0);
    expect(await client.pttl('syncline:lock:{0}:e:l/told')).toBeGreaterThan(0);
    client.disconnect();
  });
});
