import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll, TcpProxy } from '@syncline/testing';
import { ConnectionError, LeaseLostError, LockClient, Syncline } from '../index.js';

const LONG = { ttlMs: 3_600_000 };

let redis: RedisServer;
let nodes: NodeProcess[];
let urls: string[];
let lock: LockClient;

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('lock', 2, { redisUrl: redis.url });
  urls = nodes.map(({ url }) => url);
  lock = new LockClient({ urls });
}, 120_000);
afterAll(async () => {
  await lock?.close();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

const modeOf = async (name: string) => (await lock.inspect(name)).mode;

describe('LockClient.close', () => {
  it('releases everything with releaseOnClose', async () => {
    const client = new LockClient({ urls, releaseOnClose: true });
    const lease = await client.acquire('close-lock', LONG);
    const set = await client.acquireAll(['close-a', 'close-b'], LONG);
    const permit = await client.semaphore('close-permits', 2).acquire(LONG);
    const session = await client.session(LONG);
    const inSession = await session.acquire('close-session');
    const { signal } = lease;
    await client.close();
    for (const name of ['close-lock', 'close-a', 'close-b', 'close-session']) {
      expect(await modeOf(name)).toBe('free');
    }
    expect((await lock.semaphore('close-permits').inspect()).used).toBe(0);
    expect([lease, set, permit, session, inSession].map(({ isHeld }) => isHeld)).toEqual(
      Array(5).fill(false),
    );
    expect(signal.reason).toBeInstanceOf(LeaseLostError);
    expect(signal.reason.detail).toBe('The client was closed');
    await expect(client.acquire('close-lock')).rejects.toThrow(ConnectionError);
  });

  it('aborts the signals of routines, and waits for them before it releases their locks', async () => {
    const client = new LockClient({ urls, releaseOnClose: true });
    const seen: string[] = [];
    const begun: string[] = [];
    const using = client.using('close-routine', LONG, async (_, signal) => {
      begun.push('using');
      await once(signal, 'abort');
      seen.push(await modeOf('close-routine'));
    });
    const leading = client.elect('close-leader', {}, async (_, signal) => {
      begun.push('elect');
      await once(signal, 'abort');
      seen.push(await modeOf('close-leader'));
      signal.throwIfAborted();
    });
    // A routine begins after Redis shows its lock: closed in between, it would not have begun at all.
    await eventually(() => expect(begun.toSorted()).toEqual(['elect', 'using']));
    const outcomes = Promise.allSettled([using, leading]);
    await client.close();
    expect(seen).toEqual(['exclusive', 'exclusive']);
    expect(await modeOf('close-routine')).toBe('free');
    expect(await modeOf('close-leader')).toBe('free');
    expect((await outcomes).map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
  });

  it('lets no candidate take part again while it closes', async () => {
    const client = new LockClient({ urls, releaseOnClose: true });
    let token = '';
    const leading = client.elect('close-once', {}, async (lease, signal) => {
      token = lease.fencingToken;
      await once(signal, 'abort');
      signal.throwIfAborted();
    });
    // The routine delays the close for longer than a candidate needs to take part again.
    const using = client.using('close-slowly', LONG, async (_, signal) => {
      await once(signal, 'abort');
      await eventually(async () => expect(await modeOf('close-once')).toBe('free'));
      await sleep(500);
    });
    await eventually(async () => expect(await modeOf('close-slowly')).toBe('exclusive'));
    await eventually(() => expect(token).not.toBe(''));
    const outcomes = Promise.allSettled([leading, using]);
    await client.close();
    await outcomes;
    expect((await lock.inspect('close-once')).currentToken).toBe(token);
  });

  it('does not wait for ever for a routine that does not end, or for nodes that do not answer', async () => {
    const cable = await TcpProxy.start(Number(new URL(urls[0] ?? '').port));
    const client = new LockClient({ urls: [cable.url.replace('redis:', 'http:')], releaseOnClose: true });
    const endless = client.using('close-endless', LONG, () => new Promise(() => undefined));
    endless.catch(() => undefined);
    await client.acquire('close-silent', LONG);
    await eventually(async () => expect(await modeOf('close-endless')).toBe('exclusive'));
    cable.hold('requests', 'replies');
    const closed = client.close().then(() => 'closed');
    expect(await Promise.race([closed, sleep(20_000, 'still open')])).toBe('closed');
    await cable.stop();
  }, 60_000);

  it('leaves everything to its TTL without releaseOnClose', async () => {
    const client = new LockClient({ urls });
    await client.acquire('close-left', { ttlMs: 60_000 });
    await client.close();
    expect(await modeOf('close-left')).toBe('exclusive');
  });

  it('uses the option releaseOnClose of Syncline', async () => {
    {
      await using syncline = new Syncline({ lock: urls, releaseOnClose: true });
      await syncline.lock.acquire('close-syncline', LONG);
    }
    expect(await modeOf('close-syncline')).toBe('free');
  });
});

describe('release()', () => {
  it.each(['lock', 'session lease'])('can be called again when no node was reached: %s', async (what) => {
    const cable = await TcpProxy.start(Number(new URL(urls[0] ?? '').port));
    await using client = new LockClient({ urls: [cable.url.replace('redis:', 'http:')], timeoutMs: 1_000 });
    const session = await client.session(LONG);
    const name = `again-${what.replace(' ', '-')}`;
    const held = what === 'lock' ? await client.acquire(name, LONG) : await session.acquire(name);
    cable.cut({ refuse: true });
    await expect(held.release()).rejects.toThrow(ConnectionError);
    expect([held.isHeld, await modeOf(name)]).toEqual([false, 'exclusive']);
    cable.heal();
    await held.release();
    expect(await modeOf(name)).toBe('free');
    // After a node answered, a further call has the same outcome.
    cable.cut({ refuse: true });
    await held.release();
    cable.heal();
    await session.release();
    await cable.stop();
  });
});
