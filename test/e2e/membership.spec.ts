import type { Cluster } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import request from 'supertest';

const clusterOf = async (node: NodeProcess): Promise<Cluster> =>
  (await request(node.url).get('/v1/cluster').expect(200)).body;
const aliveIn = (cluster: Cluster) =>
  cluster.members.filter((member) => member.state === 'alive').map((member) => member.nodeId);
const ownersSeenBy = (node: NodeProcess) =>
  Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const { body } = await request(node.url).get(`/v1/cluster/owner?key=key-${i}`).expect(200);
      return body.nodeId as string;
    }),
  );

describe('membership', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  const node = (i: number) => nodes[i - 1] as NodeProcess;
  const peers = 'lock_1@127.0.0.1:1,lock_2@127.0.0.1:2,lock_3@127.0.0.1:3,lock_9@127.0.0.1:9';

  const start = (nodeId: string) =>
    NodeProcess.start('lock', { redisUrl: redis.url, nodeId, env: { PEERS: peers } });
  /** Another process has the place of node 2 from now on. */
  const replace = async (successor: Promise<NodeProcess>) => {
    nodes[1] = await successor;
    return nodes[1];
  };

  beforeAll(async () => {
    redis = await RedisServer.start();
    nodes = await Promise.all(['lock_1', 'lock_2', 'lock_3'].map(start));
  });
  beforeEach(() =>
    eventually(async () => {
      for (const each of nodes) expect(aliveIn(await clusterOf(each))).toHaveLength(3);
    }),
  );
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('has the same members, epoch and owners on all nodes', async () => {
    await eventually(async () => {
      const [first, ...others] = await Promise.all(nodes.map(clusterOf));
      for (const other of others) expect(other.epoch).toBe(first?.epoch);
      const [owners, ...otherOwners] = await Promise.all(nodes.map(ownersSeenBy));
      for (const other of otherOwners) expect(other).toEqual(owners);
      expect(new Set(owners)).toEqual(new Set(['lock_1', 'lock_2', 'lock_3']));
    });
  });

  it('shows missing peers as left, and lists them in the readiness check', async () => {
    const { members } = await clusterOf(node(1));
    expect(members.find((member) => member.nodeId === 'lock_9')).toEqual({
      nodeId: 'lock_9',
      kind: 'node',
      url: 'http://127.0.0.1:9',
      state: 'left',
      startedAt: null,
      lastSeenAt: null,
      share: 0,
    });
    const { body } = await request(node(1).url).get('/health/ready').expect(200);
    expect(body.info.cluster.missingPeers).toEqual(['lock_9']);
  });

  it('moves only the keys of a killed node', async () => {
    const before = await ownersSeenBy(node(1));
    const { epoch } = await clusterOf(node(1));
    await node(2).kill();
    await eventually(async () => {
      for (const survivor of [node(1), node(3)]) expect(await ownersSeenBy(survivor)).not.toContain('lock_2');
    });
    const after = await ownersSeenBy(node(1));
    before.forEach((owner, i) => {
      if (owner !== 'lock_2') expect(after[i]).toBe(owner);
    });
    expect((await clusterOf(node(1))).epoch).toBeGreaterThan(epoch);
    await replace(start('lock_2'));
  });

  it('fences a frozen node that comes back, which then joins again', async () => {
    const startedAt = (cluster: Cluster) =>
      cluster.members.find((member) => member.nodeId === 'lock_2')?.startedAt ?? '';
    const before = startedAt(await clusterOf(node(1)));
    node(2).freeze();
    await eventually(async () => {
      const { members } = await clusterOf(node(1));
      expect(members.find((member) => member.nodeId === 'lock_2')?.state).toBe('left');
    });
    node(2).thaw();
    await node(2).printed(/joining again/);
    await eventually(async () => {
      const cluster = await clusterOf(node(2));
      expect(aliveIn(cluster)).toEqual(['lock_1', 'lock_2', 'lock_3']);
      expect(startedAt(cluster) > before).toBe(true);
      await request(node(2).url).get('/health/ready').expect(200);
    });
  });

  it('removes a node that stops at once', async () => {
    expect(await node(2).stop()).toBe(0);
    expect(aliveIn(await clusterOf(node(1)))).toEqual(['lock_1', 'lock_3']);
    await eventually(async () => expect(await ownersSeenBy(node(1))).not.toContain('lock_2'));
    await replace(start('lock_2'));
  });

  it('replaces a killed process by its successor at once', async () => {
    await node(2).kill();
    const successor = await replace(start('lock_2'));
    expect(aliveIn(await clusterOf(successor))).toEqual(['lock_1', 'lock_2', 'lock_3']);
  });

  it('keeps a process that was frozen from replacing its successor', async () => {
    const frozen = node(2);
    frozen.freeze();
    const successor = await replace(start('lock_2'));
    frozen.thaw();
    await frozen.printed(/Another living process has the NODE_ID lock_2/);
    const { body } = await request(frozen.url).get('/health/ready').expect(503);
    expect(body.error.cluster.message).toContain('Another living process has the NODE_ID lock_2');
    await request(successor.url).get('/health/ready').expect(200);
    await frozen.stop();
  });

  it('is rebuilt with a larger epoch when Redis comes back empty', async () => {
    const { epoch } = await clusterOf(node(1));
    await redis.restart();
    await eventually(async () => {
      for (const each of nodes) {
        const cluster = await clusterOf(each);
        expect(aliveIn(cluster)).toHaveLength(3);
        expect(cluster.epoch).toBeGreaterThan(epoch);
        await request(each.url).get('/health/ready').expect(200);
      }
    });
  });
});
