import { commandConnection } from '@syncline/redis';
import { eventually, RedisServer, TcpProxy } from '@syncline/testing';
import { ask, LockNode, LockStage } from '../../../../test/stages/lock-stage.js';

const CLOCK = 'syncline:lock:{0}:clock';
/** By so much Redis' clock stood ahead, microseconds. */
const AHEAD = 600_000_000;
const ahead = () => Date.now() * 1_000 + AHEAD;

async function tokenOf(node: LockNode, name: string): Promise<number> {
  const request = ask(name);
  const reply = await node.acquire(request);
  if (reply.outcome !== 'granted') throw new Error(`${name}: ${reply.outcome}`);
  await node.release(name, request.leaseId);
  return Number(reply.leases[0]?.fencingToken);
}

describe('fencing tokens', () => {
  let stage: LockStage;

  beforeAll(async () => {
    stage = await LockStage.start();
  });
  afterAll(() => stage.stop());

  it('are times of Redis, in microseconds', async () => {
    const [node] = await stage.reset('one');
    for (let i = 0; i < 20; i += 1) {
      const before = Number((await stage.redis.time())[0]) * 1_000_000;
      const token = await tokenOf(node, `n${i}`);
      expect(token).toBeGreaterThanOrEqual(before);
      expect(token).toBeLessThan(before + 30_000_000);
    }
  });

  it.each(['functions', 'scripts'])(
    'rise though the clock was set back and the name is forgotten: as %s',
    async (by) => {
      const used = by === 'functions' ? stage : await stage.withoutFunctions();
      const [node] = await used.reset('one');
      // As it stands when the clock of Redis was ten minutes ahead, and is right again.
      await used.redis.set(CLOCK, ahead());
      const before = await tokenOf(node, 'n');
      expect(before).toBeGreaterThan(ahead() - AHEAD / 2);
      expect(await used.redis.del('syncline:lock:{0}:l:l/n')).toBe(1);
      const after = await tokenOf(node, 'n');
      expect(after).toBeGreaterThan(before);
      expect(after).toBeLessThan(before + 1_000);
      const { currentToken } = await node.inspect('n');
      expect(Number(currentToken)).toBe(after);
      if (used !== stage) used.redis.disconnect();
    },
  );

  it('rise though all data was lost, as a node that saw them says', async () => {
    const [one, two] = await stage.reset('one', 'two');
    await stage.redis.set(CLOCK, ahead());
    const before = await tokenOf(one, 'n');
    await two.beat();
    await stage.redis.flushall();
    // Nor does the library know them.
    await stage.redis.function('FLUSH');
    expect(await tokenOf(two, 'n')).toBeGreaterThan(before);
  });

  it('rise through a failover to a replica that lacks the last ones, and whose clock is behind', async () => {
    await using primary = await RedisServer.start();
    const link = await TcpProxy.start(primary.port);
    await using replica = await RedisServer.start({
      args: ['--replicaof', `127.0.0.1 ${new URL(link.url).port}`, '--repl-diskless-sync-delay', '0'],
    });
    const name = await TcpProxy.start(primary.port);
    const redis = commandConnection(name.url, 'test');
    redis.on('error', () => {});
    await redis.connect();
    const admin = replica.connect();
    try {
      const [one, two] = [new LockNode(redis, 'one'), new LockNode(redis, 'two')];
      await tokenOf(one, 'n');
      await eventually(async () => expect(await admin.get(CLOCK)).not.toBeNull());
      link.hold('replies');
      await redis.set(CLOCK, ahead());
      const before = await tokenOf(one, 'n');
      await two.beat();
      await primary.kill();
      await admin.replicaof('NO', 'ONE');
      expect(Number(await admin.get(CLOCK))).toBeLessThan(ahead() - AHEAD / 2);
      name.leadTo(replica.port);
      name.cut();
      const after = await eventually(() => tokenOf(two, 'n'));
      expect(after).toBeGreaterThan(before);
      expect(await eventually(() => tokenOf(one, 'n'))).toBeGreaterThan(after);
    } finally {
      redis.disconnect();
      admin.disconnect();
      await Promise.all([name.stop(), link.stop()]);
    }
  }, 30_000);
});
