import { Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { RedisServer } from './redis-server.js';

const SLOTS = 16_384;
const PRIMARIES = 3;
const TAKE_OVER_MS = 30_000;

export interface RedisClusterOptions {
  /** Replicas of each primary. Default: 0. */
  readonly replicas?: number;
  /** Whether `setClock` of its servers can be used. Default: false. */
  readonly settableClock?: boolean;
}

/** A local Redis Cluster of three primaries that cover all slots. */
export class RedisCluster {
  private constructor(
    /** The primaries, then the replicas of the first, of the second ... */
    readonly servers: readonly RedisServer[],
  ) {}

  static async start({
    replicas = 0,
    settableClock = false,
  }: RedisClusterOptions = {}): Promise<RedisCluster> {
    const args = [
      '--cluster-enabled',
      'yes',
      '--cluster-node-timeout',
      '2000',
      '--repl-diskless-sync-delay',
      '0',
    ];
    const count = PRIMARIES * (1 + replicas);
    const servers = await Promise.all(
      Array.from({ length: count }, () => RedisServer.start({ args, settableClock })),
    );
    const clients = servers.map((server) => server.connect());
    try {
      const first = servers[0]?.port ?? 0;
      for (const [i, client] of clients.entries()) {
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
        if (i < PRIMARIES) {
          const from = Math.floor((SLOTS / PRIMARIES) * i);
          const to = Math.floor((SLOTS / PRIMARIES) * (i + 1)) - 1;
          await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
        }
        if (i > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', first);
      }
      await eventually(async () => {
        for (const client of clients) {
          const info = String(await client.call('CLUSTER', 'INFO'));
          if (!info.includes(`cluster_known_nodes:${count}`))
            throw new Error(`The Redis Cluster did not form:\n${info}`);
        }
      });
      const ids = await Promise.all(
        clients.map(async (client) => String(await client.call('CLUSTER', 'MYID'))),
      );
      for (const [i, client] of clients.entries()) {
        if (i < PRIMARIES) continue;
        const primary = ids[Math.floor((i - PRIMARIES) / replicas)] ?? '';
        await eventually(() => client.call('CLUSTER', 'REPLICATE', primary));
      }
      await eventually(async () => {
        for (const [i, client] of clients.entries()) {
          const info = String(await client.call('CLUSTER', 'INFO'));
          if (!/cluster_state:ok/.test(info)) throw new Error(`The Redis Cluster did not form:\n${info}`);
          if (i < PRIMARIES) continue;
          const replication = await client.info('replication');
          if (!/^master_link_status:up/m.test(replication))
            throw new Error('A replica does not follow its primary.');
        }
      });
    } finally {
      for (const client of clients) client.disconnect();
    }
    return new RedisCluster(servers);
  }

  /** The value for `REDIS_URL`: all nodes, comma-separated. */
  get url(): string {
    return this.servers.map((server) => server.url).join(',');
  }

  /** The server that has a key, as the cluster says now. */
  async primaryOf(key: string): Promise<RedisServer> {
    return (await this.serversOf(key))[0] as RedisServer;
  }

  /** The server that would take over from the primary of a key. */
  async replicaOf(key: string): Promise<RedisServer> {
    const [, replica] = await this.serversOf(key);
    if (replica === undefined) throw new Error(`${key} has no replica.`);
    return replica;
  }

  /** Lets the replica of the primary of a key take over from it, with all of its data, as an operator would. */
  async failOver(key: string): Promise<void> {
    const [before, replica] = await Promise.all([this.primaryOf(key), this.replicaOf(key)]);
    const client = replica.connect();
    try {
      await client.call('CLUSTER', 'FAILOVER');
    } finally {
      client.disconnect();
    }
    await this.movedFrom(before, key);
  }

  /** From now on a primary that is away leaves the slots of the others served. */
  async serveInParts(): Promise<void> {
    for (const server of this.servers) {
      const client = server.connect();
      await client.call('CONFIG', 'SET', 'cluster-require-full-coverage', 'no');
      client.disconnect();
    }
  }

  /** Waits until a key has another primary. */
  async movedFrom(before: RedisServer, key: string): Promise<void> {
    await eventually(async () => {
      if ((await this.primaryOf(key)) === before) throw new Error(`${key} has the primary that it had.`);
    }, TAKE_OVER_MS);
  }

  /** Waits until the primary of a key has a replica that has all of its data. */
  async inStep(key: string): Promise<void> {
    const replica = await eventually(() => this.replicaOf(key), TAKE_OVER_MS);
    const client = replica.connect();
    try {
      await eventually(async () => {
        if (!/^master_link_status:up/m.test(await client.info('replication')))
          throw new Error('The replica does not follow its primary.');
      }, TAKE_OVER_MS);
    } finally {
      client.disconnect();
    }
  }

  /**
   * Brings the slot of a key, with all keys in it, to another primary, as `redis-cli --cluster reshard` does.
   *
   * @param between called while the slot is on its way
   */
  async moveSlot(key: string, between: () => Promise<void> = async () => {}): Promise<void> {
    const from = await this.primaryOf(key);
    const primaries = await this.primaries();
    const to = primaries.find((server) => server !== from) as RedisServer;
    const clients = primaries.map((server) => server.connect());
    const [source, target] = [from, to].map((server) => clients[primaries.indexOf(server)] as Redis) as [
      Redis,
      Redis,
    ];
    try {
      const slot = Number(await source.call('CLUSTER', 'KEYSLOT', key));
      const idOf = async (client: Redis) => String(await client.call('CLUSTER', 'MYID'));
      const [sourceId, targetId] = await Promise.all([idOf(source), idOf(target)]);
      await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId);
      await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId);
      await between();
      for (;;) {
        const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
        if (keys.length === 0) break;
        await source.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
      }
      for (const client of [target, source, ...clients]) {
        await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
      }
    } finally {
      for (const client of clients) client.disconnect();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** The servers that have slots, as the cluster says now. */
  async primaries(): Promise<RedisServer[]> {
    return [...new Set((await this.ranges()).map(({ servers }) => servers[0] as RedisServer))];
  }

  private async serversOf(key: string): Promise<readonly RedisServer[]> {
    const live = await this.anyClient();
    try {
      const slot = Number(await live.call('CLUSTER', 'KEYSLOT', key));
      const range = (await this.ranges(live)).find(({ from, to }) => from <= slot && slot <= to);
      if (range === undefined) throw new Error(`No server of ours has the slot ${slot}.`);
      return range.servers;
    } finally {
      live.disconnect();
    }
  }

  /** Ranges of slots, each with its primary and the replicas that follow it. */
  private async ranges(client?: Redis) {
    const live = client ?? (await this.anyClient());
    try {
      const slots = (await live.call('CLUSTER', 'SLOTS')) as [number, number, ...[string, number][]][];
      return slots.map(([from, to, ...nodes]) => ({
        ...{ from, to },
        servers: nodes.flatMap(([, port]) => this.servers.filter((each) => each.port === port)),
      }));
    } finally {
      if (client === undefined) live.disconnect();
    }
  }

  /** A connection to a server that answers. */
  private async anyClient(): Promise<Redis> {
    for (const server of this.servers) {
      const client = new Redis(server.url, {
        retryStrategy: () => null,
        lazyConnect: true,
        connectTimeout: 500,
        commandTimeout: 2_000,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return client;
      } catch {
        client.disconnect();
      }
    }
    throw new Error('No server of the Redis Cluster answers.');
  }
}
