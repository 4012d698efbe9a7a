import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { RedisServer } from '@syncline/testing';
import { Redis } from 'ioredis';
import { commandConnection } from './connection.js';

/** For some 200 ms; by a clock it would not end, since from Redis 7.2 on no time passes within a script. */
const BUSY = 'for _ = 1, 20000000 do end';

describe('the command connection', () => {
  let server: RedisServer;
  let redis: Redis;
  /** Number of commands in each packet. */
  let packets: number[];

  beforeAll(async () => {
    server = await RedisServer.start();
    const connection = commandConnection(server.url, 'test');
    if (!(connection instanceof Redis)) throw new Error('expected a connection to one Redis');
    redis = connection;
    await redis.connect();
    const { stream } = redis;
    const [one, several] = [stream._write.bind(stream), stream._writev?.bind(stream)];
    jest.spyOn(stream, '_write').mockImplementation((...args) => {
      packets.push(1);
      one(...args);
    });
    stream._writev = (chunks, done) => {
      packets.push(chunks.length);
      several?.(chunks, done);
    };
  });
  beforeEach(() => {
    packets = [];
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('sends the commands of one turn in one packet', async () => {
    const asked = [redis.set('a', 1), redis.incr('a')];
    // Also a command that follows from a resolved promise in the same turn.
    const later = Promise.resolve().then(() => redis.incr('a'));
    expect(await Promise.all([...asked, later])).toEqual(['OK', 2, 3]);
    expect(packets).toEqual([3]);
  });

  it('sends commands without waiting for earlier replies', async () => {
    let answered = false;
    const slow = redis.eval(BUSY, 0).then(() => {
      answered = true;
    });
    await nextTurn();
    const next = redis.incr('b');
    await nextTurn();
    expect({ packets, answered }).toEqual({ packets: [1, 1], answered: false });
    await Promise.all([slow, next]);
  });
});

it('the command connection outlives a second error of its socket, as TLS may have', async () => {
  const server = await RedisServer.start();
  const redis = commandConnection(server.url, 'test') as Redis;
  const errors: Error[] = [];
  redis.on('error', (error) => errors.push(error));
  await redis.connect();
  const [first, second] = [new Error('first'), new Error('second')];
  redis.stream.emit('error', first);
  redis.stream.emit('error', second);
  expect(errors).toEqual([first]);
  expect(await redis.ping()).toBe('PONG');
  redis.disconnect();
  await server.stop();
});
