import { commandConnection, type RedisClient } from '@syncline/redis';
import { Metrics } from '@syncline/runtime';
import { eventually, RedisServer } from '@syncline/testing';
import { readEvents } from '../redis/scripts/events.commands.js';
import { EventLog } from './event-log.js';

describe('the log of events', () => {
  let server: RedisServer;
  let redis: RedisClient;
  let log: EventLog;
  const told = async () =>
    (await readEvents(redis, { role: 'lock', after: '0-0' })).events.map(({ text }) => JSON.parse(text));

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = commandConnection(server.url, 'test');
    redis.on('error', () => {});
    await redis.connect();
  });
  beforeEach(async () => {
    await redis.flushall();
    log = new EventLog(
      redis,
      { role: 'lock', nodeId: 'lock_1', kind: 'node', timers: true, peers: [] },
      new Metrics(),
    );
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('tells a hundred of a type in a second, and of the others how many they were', async () => {
    for (let i = 0; i < 250; i += 1) log.append({ type: 'flushed', name: 'c', count: 2 });
    log.append({ type: 'forced', name: 'c' });
    await eventually(async () => {
      const events = await told();
      const omitted = events.filter(({ type }) => type === 'omitted');
      const flushed = events.filter(({ type }) => type === 'flushed');
      // A second may end in between.
      expect(flushed.length).toBeLessThanOrEqual(200);
      expect(flushed.length + omitted.reduce((sum, { count }) => sum + count, 0) / 2).toBe(250);
      expect(omitted).toContainEqual({
        type: 'omitted',
        nodeId: 'lock_1',
        name: null,
        count: expect.anything(),
        of: 'flushed',
      });
      expect(events).toContainEqual({ type: 'forced', nodeId: 'lock_1', name: 'c', count: 1 });
    });
  });

  it('writes the last ones before the connection ends', async () => {
    log.append({ type: 'left', member: 'lock_1' });
    await log.beforeApplicationShutdown();
    expect(await told()).toEqual([
      { type: 'left', nodeId: 'lock_1', name: null, count: 1, member: 'lock_1' },
    ]);
  });

  it('drops and counts what Redis does not take', async () => {
    const metrics = new Metrics();
    const options = { role: 'lock', nodeId: 'lock_1', kind: 'node', timers: true, peers: [] } as const;
    log = new EventLog(redis, options, metrics);
    await redis.config('SET', 'maxmemory', '1mb');
    log.append({ type: 'flushed', name: 'c' });
    await log.beforeApplicationShutdown();
    await redis.config('SET', 'maxmemory', '0');
    expect(await metrics.registry.getSingleMetricAsString('events_dropped_total')).toMatch(/ 1$/);
  });
});
