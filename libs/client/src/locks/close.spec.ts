import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, TcpProxy } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import { ConnectionError, LeaseLostError, LockClient } from '../index.js';

const LONG = { ttlMs: 3_600_000 };

describe.each(WAYS)('LockClient.close over %s', (way) => {
  let deployment: Deployment;
  let lock: LockClient;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'lock');
    lock = (await deployment.connect()).lock;
  });
  afterAll(() => deployment?.stop());

  const modeOf = async (name: string) => (await lock.inspect(name)).mode;

  it('releases everything with releaseOnClose', async () => {
    const client = (await deployment.connect({ releaseOnClose: true })).lock;
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
    const client = (await deployment.connect({ releaseOnClose: true })).lock;
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
    const client = (await deployment.connect({ releaseOnClose: true })).lock;
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

  it('leaves everything to its TTL without releaseOnClose', async () => {
    const client = (await deployment.connect()).lock;
    await client.acquire('close-left', { ttlMs: 60_000 });
    await client.close();
    expect(await modeOf('close-left')).toBe('exclusive');
  });
});

describe('without an answer of the nodes', () => {
  let deployment: Deployment;
  let urls: string[];
  let lock: LockClient;

  beforeAll(async () => {
    deployment = await Deployment.start('nodes', 'lock');
    urls = deployment.nodes.map(({ url }) => url);
    lock = (await deployment.connect()).lock;
  });
  afterAll(() => deployment?.stop());

  const modeOf = async (name: string) => (await lock.inspect(name)).mode;

  it('LockClient.close does not wait for ever, nor for a routine that does not end', async () => {
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

  it.each(['lock', 'session lease'])('release() can be called again: %s', async (what) => {
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
