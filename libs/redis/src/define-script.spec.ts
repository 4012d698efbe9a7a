import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Problem } from '@syncline/contracts';
import { RedisServer, TcpProxy } from '@syncline/testing';
import { commandConnection, type RedisClient } from './connection/connection.js';
import { defineScript } from './define-script.js';
import { StoreUnavailable } from './store-unavailable.js';

describe('a script', () => {
  const folder = mkdtempSync(join(tmpdir(), 'syncline-scripts-'));
  const script = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return pathToFileURL(path);
  };
  let server: RedisServer;
  let proxy: TcpProxy;
  let redis: RedisClient;

  const increment = defineScript({
    file: script('increment.lua', "return redis.call('INCR', KEYS[1])"),
    keys: (input: { key: string }) => [input.key],
    decode: Number,
  });

  beforeAll(async () => {
    server = await RedisServer.start();
    proxy = await TcpProxy.start(server.port);
    redis = commandConnection(proxy.url, 'test');
    redis.on('error', () => {});
    await redis.connect();
  });
  afterAll(async () => {
    redis.disconnect();
    await proxy.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  it('is sent by its SHA, and by its text when Redis has forgotten it', async () => {
    await redis.script('FLUSH');
    expect(await increment(redis, { key: 'forgotten' })).toBe(1);
    expect(await increment(redis, { key: 'forgotten' })).toBe(2);
  });

  it('runs once a call when a whole turn of calls meets a Redis that has forgotten it', async () => {
    await redis.script('FLUSH');
    const replies = await Promise.all(Array.from({ length: 20 }, () => increment(redis, { key: 'turn' })));
    expect(replies.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it('runs in a full Redis when its first line allows it', async () => {
    const text = "redis.call('SET', KEYS[1], 'abc')\nreturn redis.call('GET', KEYS[1])";
    const define = (name: string, line: string) =>
      defineScript({
        file: script(name, `${line}${text}`),
        keys: (key: string) => [key],
        decode: String,
      });
    const grow = define('grow.lua', '');
    const keep = define('keep.lua', '#!lua flags=allow-oom\n');
    await redis.config('SET', 'maxmemory', '1');
    try {
      await expect(grow(redis, 'full')).rejects.toThrow(StoreUnavailable);
      expect(await keep(redis, 'full')).toBe('abc');
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
  });

  it('takes in the files that it includes, each once', async () => {
    script('one.lua', "redis.call('INCR', KEYS[1])");
    const including = defineScript({
      file: script(
        'including.lua',
        `-- @include one.lua\n-- @include one.lua\nreturn redis.call('GET', KEYS[1])`,
      ),
      keys: (key: string) => [key],
      decode: Number,
    });
    expect(await including(redis, 'included')).toBe(1);
  });

  it('hands over bytes that are not text', async () => {
    const echo = defineScript({
      file: script('echo.lua', 'return ARGV[1]'),
      keys: () => [],
      args: (bytes: Buffer) => [bytes],
      binary: true,
      decode: (reply) => reply as Buffer,
    });
    const bytes = Buffer.from([0, 255, 128, 10, 13]);
    expect(await echo(redis, bytes)).toEqual(bytes);
  });

  it('leaves a bug in a script what it is', async () => {
    const broken = defineScript({
      file: script('broken.lua', 'return nil + 1'),
      keys: () => [],
      decode: Number,
    });
    await expect(broken(redis, undefined)).rejects.toThrow(/attempt to perform arithmetic/);
  });

  it('is refused as store-unavailable by a Redis out of memory', async () => {
    await redis.config('SET', 'maxmemory', '1');
    try {
      await expect(increment(redis, { key: 'full' })).rejects.toThrow(StoreUnavailable);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
  });

  it('fails, and is not sent again later, when Redis does not answer', async () => {
    proxy.hold('requests', 'replies');
    const failure = await increment(redis, { key: 'silent' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StoreUnavailable);
    expect((failure as Problem).status).toBe(503);
    proxy.cut();
    proxy.heal();
    expect(await increment(redis, { key: 'silent' })).toBe(1);
  });

  it('waits for a connection that is being made again', async () => {
    const closed = once(redis, 'close');
    proxy.cut();
    await closed;
    expect(await increment(redis, { key: 'reconnected' })).toBe(1);
  });
});
