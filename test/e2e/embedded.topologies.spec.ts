import type { Syncline } from '@syncline/client';
import { type EmbedOptions, embed } from '@syncline/embedded';
import {
  Certificates,
  eventually,
  freePort,
  RedisCluster,
  RedisSentinels,
  RedisServer,
} from '@syncline/testing';

/** Two members, as two processes would have them. */
async function pair(redis: EmbedOptions['redis'], options: Partial<EmbedOptions> = {}) {
  const start = (name: string) => eventually(() => embed({ redis, name, ...options }));
  const [here, there] = await Promise.all([start('here'), start('there')]);
  const close = () => Promise.all([here.close(), there.close()]);
  return { here, there, [Symbol.asyncDispose]: async () => void (await close()) };
}

/** What both members can do with each role, each seeing what the other did. */
async function expectToWork(here: Syncline, there: Syncline, name: string): Promise<void> {
  const lock = () =>
    eventually(async () => {
      await using held = await here.lock.acquire(name, { waitMs: 5_000 });
      const waiting = there.lock.using(name, { waitMs: 60_000 }, ({ fencingToken }) => fencingToken);
      waiting.catch(() => {});
      await eventually(async () => expect((await here.lock.inspect(name)).waiters).toHaveLength(1));
      await held.release();
      expect(BigInt(await waiting)).toBeGreaterThan(BigInt(held.fencingToken));
    });
  const sent: string[] = [];
  // Again as a whole: until the former primary knows that it is one no more, what is written there is lost.
  const queue = () =>
    eventually(async () => {
      sent.push((await here.queue(name).send(name)).id);
      const [message] = await there.queue(name).receive({ waitMs: 2_000 });
      expect(message?.body).toBe(name);
      expect(sent).toContain(message?.id);
      expect(await there.queue(name).ack(message?.receipt ?? '')).toBe('acked');
    });
  const cache = async () => {
    const [mine, theirs] = [here.cache<number>(name), there.cache<number>(name)];
    for (let value = 1; value <= 3; value += 1) {
      await eventually(() => mine.set('key', value));
      // Undefined where only Redis can tell.
      expect([undefined, value]).toContain(theirs.peek('key'));
      await eventually(async () => {
        expect(await theirs.get('key')).toBe(value);
        expect(theirs.peek('key')).toBe(value);
      });
    }
  };
  await Promise.all([lock(), queue(), cache()]);
}

/** What is held over a change of the primary: a lock, messages that were sent, and a value. */
async function heldOver(here: Syncline, names: readonly string[], change: () => Promise<void>) {
  const leases = await Promise.all(names.map((name) => here.lock.acquire(name, { ttlMs: 60_000 })));
  const queues = names.map((name) => here.queue<number>(`over-${name}`));
  await Promise.all(queues.map((queue) => queue.send(1)));
  await change();
  for (const lease of leases) {
    await eventually(() => expect(lease.isHeld).toBe(true));
    await eventually(() => lease.release());
  }
  for (const queue of queues) {
    const [message] = await eventually(async () => {
      const messages = await queue.receive({ waitMs: 2_000 });
      expect(messages).toHaveLength(1);
      return messages;
    });
    await eventually(() => queue.ack(message?.receipt ?? ''));
  }
}

describe('members in processes of their users', () => {
  const warnings: string[] = [];
  // jest's `process` has no events.
  const { emitWarning } = process;
  beforeAll(() => {
    process.emitWarning = (warning: string | Error) => void warnings.push(String(warning));
  });
  afterAll(() => {
    process.emitWarning = emitWarning;
  });

  it('work on a Redis Cluster, in a namespace, and go on when a replica takes over', async () => {
    await using redis = await RedisCluster.start({ replicas: 1 });
    await using members = await pair(redis.url, { namespace: 'shop', lockDurability: 'replicated' });
    const { here, there } = members;
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => expectToWork(here, there, name)));
    // The membership of the locks moves, too.
    const key = 'shop:syncline:{cluster:lock}:members';
    await heldOver(here, ['a', 'b', 'c', 'd'], async () => {
      await redis.inStep(key);
      await redis.failOver(key);
    });
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => expectToWork(there, here, name)));
    expect(warnings.filter((warning) => /TypeError|Connection is closed/.test(warning))).toEqual([]);
  });

  it('work where sentinels name the primary, and go on with the next one when it is killed', async () => {
    await using sentinels = await RedisSentinels.start({ password: 's3cret', sentinelPassword: 'an0ther' });
    const redis = { url: sentinels.url, sentinel: { password: 'an0ther' } };
    await using members = await pair(redis, { lockDurability: 'replicated' });
    const { here, there } = members;
    await expectToWork(here, there, 'before');
    await heldOver(here, ['over'], () => sentinels.failover());
    await expectToWork(there, here, 'after');
    const primary = await sentinels.primary();
    await primary.kill();
    await sentinels.movedFrom(primary);
    await expectToWork(here, there, 'and-again');
    await expect(embed({ redis: sentinels.url })).rejects.toThrow('sentinel');
    // So this file hears of warnings.
    expect(warnings).toContainEqual(expect.stringContaining('Redis cannot be reached'));
  });

  it('speak TLS with a Redis that asks for their certificate', async () => {
    const certificates = new Certificates();
    const { cert, key } = certificates.issue('redis.example');
    const client = certificates.issue('client.example');
    const port = await freePort();
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', certificates.ca];
    await using _ = await RedisServer.start({ args: ['--tls-port', `${port}`, ...files] });
    const [ca, ownCert, ownKey] = [certificates.ca, client.cert, client.key].map((path) =>
      certificates.read(path),
    );
    certificates.remove();
    const url = `rediss://127.0.0.1:${port}`;
    const tls = { ca, cert: ownCert, key: ownKey, servername: 'redis.example' };
    await using members = await pair({ url, tls });
    await expectToWork(members.here, members.there, 'tls');
    await expect(embed({ redis: url })).rejects.toThrow();
  });
});
